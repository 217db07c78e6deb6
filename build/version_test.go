package build_test

import (
	"fmt"
	"strings"
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
		{"3.4.0-preview2", []string{"3.4.0-preview2", "3.4.0preview2", "3.4.0.preview2"}, []string{"3.4.0", "3.4.0-preview1", "3.4.0p2"}},
		{"3.4.0", []string{"3.4.0", "3.4.0p1"}, []string{"3.4.0-rc1", "3.4.0dev"}},
		{"3.4", []string{"3.4.0-rc1"}, nil},
		{">=3.4.0-rc2", []string{"3.4.0rc2", "3.4.0-rc10", "3.4.0"}, []string{"3.4.0-rc1", "3.4.0-preview9"}},
		{"22.0.0-rc.1", []string{"v22.0.0-rc.1"}, []string{"22.0.0", "22.0.0-rc.10"}},
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
	for _, s := range []string{"3.2.2", "~> 3.2", "^20 || 18.x", "1 - 2", ">=1,<2", "v1.0-rc.1+5", "999999999.9", "3.4.0preview2"} {
		f.Add(s, ">=2", uint16(3), uint16(2), uint16(4))
	}
	f.Fuzz(func(t *testing.T, want, other string, a, b, c uint16) {
		have := fmt.Sprintf("%d.%d.%d", a, b, c)
		met := func(want string) bool { return build.Tool{Version: want}.Met(have) }
		for _, short := range []string{have, fmt.Sprint(a), fmt.Sprintf("%d.%d", a, b), "v" + have, fmt.Sprintf("%d.x", a)} {
			assert.True(t, met(short), "%q by %q", short, have)
			assert.False(t, met("!="+short), "!=%q by %q", short, have)
			assert.True(t, met(">="+short) && met("<="+short) && met("~> "+short), "%q by %q", short, have)
		}
		// Each of these follows from the others, whatever they are asked about.
		one := strings.TrimSpace(want)
		if all := (build.Tool{Version: ">=" + one}); all.Met("999999999.0.0") && !strings.ContainsAny(one, " ,|<>=!~^") {
			assert.NotEqual(t, met(">="+one), met("<"+one), "%q is above %q or below", have, one)
			assert.Equal(t, met(">"+one), !met("<="+one), "%q is above %q or below", have, one)
			if met("^"+one) || met("~"+one) || met("~> "+one) {
				assert.True(t, met(">="+one), "%q is not below %q", have, one)
			}
		}
		if want != "" && other != "" && want+"||"+other != have {
			assert.Equal(t, met(want) || met(other), met(want+"||"+other), "%q or %q by %q", want, other, have)
		}
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
