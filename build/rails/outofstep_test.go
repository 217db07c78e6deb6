package rails_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/rails"
)

func TestWhatALockfileLacksIsNamedWithItsLine(t *testing.T) {
	t.Parallel()
	const (
		gemfile = "source 'https://rubygems.org'\n# gem 'puma'\ngem 'rails'\n  gem(\"puma\", '~> 99')\ngem 'puma-status'\n"
		locks   = "GEM\n  specs:\n    rails (7.1.3)\n      sqlite3 (~> 1)\n    sqlite3 (1.4.2)\n\nPLATFORMS\n  x86_64-darwin-19\n\nDEPENDENCIES\n  rails\n  sqlite3 (~> 1)\n  ours!\n"
		old     = "You are trying to install in deployment mode after changing\nyour Gemfile. Run `bundle install` elsewhere and add the\nupdated Gemfile.lock to version control.\n\nThe dependencies in your gemfile changed\n\n"
		late    = "The dependencies in your gemfile changed, but the lockfile can't be updated because frozen mode is set\n\n"
	)
	for said, want := range map[string]string{
		old + "You have added to the Gemfile:\n* puma (~> 99)\n\nYou have deleted from the Gemfile:\n* puma":  "Gemfile.lock is out of step with Gemfile:4, which asks for puma, or",
		late + "You have added to the Gemfile:\n* elsewhere\n* puma-status\n\nRun `bundle install`":           "Gemfile.lock is out of step with Gemfile:5, which asks for puma-status, or",
		late + "You have changed in the Gemfile:\n* puma from `no specified source` to `https://x.git`\n":     "Gemfile.lock is out of step with Gemfile:4, which asks for puma, or",
		late + "You have deleted from the Gemfile:\n* sqlite3 (~> 1)\n":                                       "Gemfile.lock:12 is out of step with Gemfile, which does not ask for sqlite3, or",
		old + "You have deleted from the Gemfile:\n* ours":                                                    "Gemfile.lock:13 is out of step with Gemfile, which does not ask for ours, or",
		late + "You have added to the Gemfile:\n* source: git://x\n* from-a-gemspec\n":                        "Gemfile.lock is out of step with Gemfile, or",
		"Your bundle only supports platforms [\"x86_64-darwin-19\"] but your local platform is x86_64-linux.": "Gemfile.lock:7 is out of step with Gemfile, or not for this platform",
	} {
		b, err := rails.New(rails.Config{})
		require.NoError(t, err)
		_, err = b.Build(t.Context(), &build.Workspace{Dir: app(t, "Gemfile", gemfile, "Gemfile.lock", locks), Runner: &machine{ruby: "3.2.2", fails: said}})
		require.Error(t, err)
		assert.Contains(t, err.Error(), want, said)
		assert.Contains(t, err.Error(), "run bundle install and commit it: ")
	}
}
