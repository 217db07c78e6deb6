package build_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/build"
)

func TestAVersionIsMetByWhatItStandsFor(t *testing.T) {
	for _, c := range []struct {
		want    string
		met, un []string
	}{
		{"", []string{"1", "anything"}, nil},
		{"3.2.2", []string{"3.2.2", "3.2.2p53"}, []string{"3.2.20", "3.2.1", "3.2", ""}},
		{"3.2", []string{"3.2.0", "3.2.4", "3.2"}, []string{"3.20", "3.3.0", "13.2"}},
		{"v20", []string{"20.1.0", "v20.1.0"}, []string{"2.0", "200"}},
		{"ruby-3.2.2", []string{"3.2.2"}, []string{"3.2.3"}},
		{"temurin-21", []string{"21.0.1+12", "21"}, []string{"17.0.15"}},
		{"1.8", []string{"1.8.0"}, []string{"8"}},
		{"20.x", []string{"20.0.0", "20.19.1"}, []string{"21.0.0"}},
		{"*", []string{"1.0.0"}, nil},
		{">=18 <21", []string{"18.0.0", "20.9.1"}, []string{"17.9.9", "21.0.0"}},
		{">= 3.0, < 3.3", []string{"3.0.0", "3.2.9"}, []string{"2.7.8", "3.3.0"}},
		{">18", []string{"19.0.0"}, []string{"18.20.1", "17.0.0"}},
		{"<=18", []string{"18.20.1", "17.0.0"}, []string{"19.0.0"}},
		{"^20.1", []string{"20.1.0", "20.9.0"}, []string{"20.0.9", "21.0.0"}},
		{"^0.3.1", []string{"0.3.1", "0.3.9"}, []string{"0.4.0", "0.3.0"}},
		{"^0", []string{"0.9.0"}, []string{"1.0.0"}},
		{"~3.2.1", []string{"3.2.1", "3.2.9"}, []string{"3.3.0", "3.2.0"}},
		{"~3", []string{"3.0.0", "3.9.0"}, []string{"4.0.0"}},
		{"~> 3.2", []string{"3.2.0", "3.9.9"}, []string{"3.1.9", "4.0.0"}},
		{"~> 3.2.1", []string{"3.2.1", "3.2.9"}, []string{"3.3.0", "3.2.0"}},
		{"~> 3", []string{"3.9"}, []string{"4.0"}},
		{"!= 3.2.1, ~> 3.2", []string{"3.2.2"}, []string{"3.2.1"}},
		{"18.2 - 20", []string{"18.2.0", "20.19.0"}, []string{"18.1.0", "21.0.0"}},
		{"18.x || >=20.1", []string{"18.1.0", "22.0.0"}, []string{"19.0.0", "20.0.9"}},
		{">=3.3.0-rc1", []string{"3.3.0-rc1", "3.3.0", "3.3.0.rc2"}, []string{"3.3.0-preview1", "3.2.0"}},
		{"no version", []string{"no version"}, []string{"1.0"}},
		{"1.0 nonsense!", nil, []string{"1.0"}},
	} {
		for _, have := range c.met {
			assert.True(t, build.Tool{Version: c.want}.Met(have), "%q by %q", c.want, have)
		}
		for _, have := range c.un {
			assert.False(t, build.Tool{Version: c.want}.Met(have), "%q by %q", c.want, have)
		}
	}
}

func FuzzMet(f *testing.F) {
	for _, s := range []string{"3.2.2", "~> 3.2", "^20 || 18.x", "1 - 2", ">=1,<2", "v1.0-rc.1+5", "999999999.9"} {
		f.Add(s, "3.2.4")
	}
	f.Fuzz(func(t *testing.T, want, have string) {
		build.Tool{Version: want}.Met(have)
		assert.True(t, build.Tool{Version: have}.Met(have))
	})
}

func TestAToolSaysWhereItsVersionComesFrom(t *testing.T) {
	for want, tool := range map[string]build.Tool{
		"ruby":       {Name: "ruby"},
		"ruby 3.2.2": {Name: "ruby", Version: "3.2.2"},
		"ruby 3.2.2 (.ruby-version:1, .ruby-version comes before Gemfile; also ~> 3.2 (Gemfile:3))": {Name: "ruby", Version: "3.2.2",
			File: ".ruby-version", Line: 1, Rule: ".ruby-version comes before Gemfile", Alternatives: []string{"~> 3.2 (Gemfile:3)"}},
		"npm 10 (package-lock.json, the one lockfile)": {Name: "npm", Version: "10", File: "package-lock.json", Rule: "the one lockfile"},
	} {
		assert.Equal(t, want, tool.String())
	}
}
