package host_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/host"
)

// parametrised is a host on which a fake aws answers what is in a file, as the real one
// writes it for this query.
type parametrised struct {
	*journey
	store string
	sent  *bytes.Buffer
}

func newParametrised(t *testing.T, p host.Parameters) parametrised {
	dir := t.TempDir()
	s := parametrised{store: filepath.Join(dir, "store.json"), sent: &bytes.Buffer{}}
	s.journey = newJourney(t, func(c *host.Config) { c.Parameters = p })
	s.transport.Env = shim(t, "aws", `printf '%s\n' "$*" >>'`+dir+`/asked'
ps axww >'`+dir+`/ps' 2>&1
cat '`+s.store+`' || { echo "An error occurred (AccessDeniedException)" >&2; exit 254; }`)
	s.transport.before = func(c host.Call) host.Call {
		s.sent.WriteString(c.Text())
		return c
	}
	return s
}

// keep stores names and values, by turns.
func (s parametrised) keep(t *testing.T, nameAndValue ...string) {
	t.Helper()
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "    ")
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(nameAndValue))
	require.NoError(t, os.WriteFile(s.store, text.Bytes(), 0o600))
}

func (s parametrised) file() string { return filepath.Join(s.root, "shared", "env it's") }

// read is what a shell gets of the file.
func (s parametrised) read(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `. "$1"; eval "printf %s. \"\$$2\""`, "sh", s.file(), name).CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSuffix(string(out), ".")
}

var shop = host.Parameters{Path: "/shop/production", Region: "eu-central-1", File: "env it's", Required: []string{"DATABASE_URL"}}

var odd = []string{
	"", "plain", `it's; "$(false)" ` + "`id` $HOME \\n \\", "two\nlines\n\n", "\ttab\r", `{"json": ["a", "b"]}`,
	`",`, `ends in a quote"`, "Grüße, 世界, 🚀", "\"/shop/production/DATABASE_URL\",\n", "\x01\x7f", "{{ssm:/x}} %s",
}

func TestParametersBecomeSettingsAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, path := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newParametrised(t, shop)
			s.transport.Shell = path
			var all []string
			for i, value := range odd {
				all = append(all, "/shop/production/VALUE_"+string(rune('A'+i)), value)
			}
			s.keep(t, append(all, "/shop/production/DATABASE_URL", "pg://")...)
			s.ship(artifact(1))
			for i, value := range odd {
				require.Equal(t, value, s.read(t, "VALUE_"+string(rune('A'+i))))
			}
			info, err := os.Stat(s.file())
			require.NoError(t, err)
			require.EqualValues(t, 0o600, info.Mode().Perm())
		})
	}
}

func TestAWSEscapesAreRead(t *testing.T) {
	t.Parallel()
	s := newParametrised(t, host.Parameters{Path: "/shop", File: "env it's"})
	require.NoError(t, os.WriteFile(s.store, []byte(`[
    "/shop/A",
    "\u00fc\u4e16\ud83d\ude80\/\u0001\b\f"
]
`), 0o600))
	s.ship(artifact(1))
	require.Equal(t, "ü世🚀/\x01\b\f", s.read(t, "A"))
}

func TestSecretsAreNowhereElse(t *testing.T) {
	t.Parallel()
	const secret = "correct horse battery"
	s := newParametrised(t, shop)
	s.keep(t, "/shop/production/DATABASE_URL", secret)
	s.ship(artifact(1))
	require.Equal(t, secret, s.read(t, "DATABASE_URL"))
	require.NotContains(t, s.sent.String(), secret)
	dir := filepath.Dir(s.store)
	for _, log := range []string{"asked", "ps"} {
		text, err := os.ReadFile(filepath.Join(dir, log))
		require.NoError(t, err)
		require.NotContains(t, string(text), secret)
	}
	asked, err := os.ReadFile(filepath.Join(dir, "asked"))
	require.NoError(t, err)
	require.Contains(t, string(asked), "get-parameters-by-path --path /shop/production --with-decryption --region eu-central-1 --query")
	found, err := exec.Command("grep", "-rl", secret, s.root).Output()
	require.NoError(t, err)
	require.Equal(t, s.file()+"\n", string(found), "not in the release, nor in what is left of the run")

	require.NoError(t, os.WriteFile(s.store, []byte("[]\n"), 0o600))
	f := s.failure(s.prepare(artifact(2)))
	require.NotContains(t, f.Error(), secret)
}

func TestAMissingParameterIsRefusedBeforeAnythingIsRestarted(t *testing.T) {
	t.Parallel()
	s := newParametrised(t, shop)
	s.keep(t, "/shop/production/DATABASE_URL", "one")
	s.ship(artifact(1))
	restarts := len(s.place.restarts(t))
	refused := map[string]func(){
		"the parameter /shop/production/DATABASE_URL is missing": func() {
			s.keep(t, "/shop/production/A", "\nDATABASE_URL=", "/shop/production/XDATABASE_URL", "x", "/shop/production/DATABASE_URL_2", "x")
		},
		"there are none":             func() { s.keep(t) },
		"AccessDeniedException":      func() { require.NoError(t, os.Remove(s.store)) },
		"a name that no setting can": func() { s.keep(t, "/shop/production/DATABASE_URL", "x", "/shop/production/a-b", "x") },
	}
	for why, change := range refused {
		change()
		f := s.failure(s.prepare(artifact(2)))
		require.Equal(t, "settings", f.Phase, why)
		require.Contains(t, f.Output, why)
		require.NoDirExists(t, s.dir(artifact(2)))
		require.Equal(t, "one", s.read(t, "DATABASE_URL"), "what was there stays")
	}
	require.Len(t, s.place.restarts(t), restarts)
	s.serves(artifact(1))
	left, err := filepath.Glob(filepath.Join(s.root, ".muster", "tmp-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestNoParametersAtAllAreAMistake(t *testing.T) {
	t.Parallel()
	s := newParametrised(t, host.Parameters{Path: "/shop/prodution", File: "env it's"})
	s.keep(t)
	f := s.failure(s.prepare(artifact(1)))
	require.Equal(t, "settings", f.Phase)
	require.NoFileExists(t, s.file())
}

func TestARollbackAsksForNoParameters(t *testing.T) {
	t.Parallel()
	s := newParametrised(t, shop)
	s.keep(t, "/shop/production/DATABASE_URL", "one")
	s.ship(artifact(1))
	s.keep(t, "/shop/production/DATABASE_URL", "two")
	before := inode(t, s.file())
	s.ship(artifact(2))
	require.Equal(t, "two", s.read(t, "DATABASE_URL"))
	require.NotEqual(t, before, inode(t, s.file()), "it is replaced, not written into")
	require.NoError(t, os.Remove(s.store))
	s.ship(artifact(1))
	s.serves(artifact(1))
}

func TestAHostWithoutAWSSaysSo(t *testing.T) {
	t.Parallel()
	s := newParametrised(t, shop)
	s.transport.Env = lacking(t, "aws")
	f := s.failure(s.prepare(artifact(1)))
	require.Equal(t, "preflight", f.Phase)
	require.Contains(t, f.Output, "aws")
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	_, err := host.New(host.Config{Parameters: host.Parameters{Path: "/a b", Region: "eu; x", File: "../env", Required: []string{"A-B"}}})
	for _, part := range []string{`the Path "/a b"`, `the Region "eu; x"`, `Parameters has "../env"`, `requires "A-B"`} {
		require.ErrorContains(t, err, part)
	}
	for _, p := range []host.Parameters{{Path: "/a/"}, {Path: "/a", File: "dir/"}, {File: "env"}, {Path: "/a", File: "process"}, {Region: "eu-central-1"}, {Required: []string{"A"}}} {
		_, err := host.New(host.Config{Name: "a", Root: "/srv/a", Transport: host.Exec{}, Parameters: p})
		require.ErrorContains(t, err, "Parameters", "%+v", p)
	}
}
