package toolchain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/toolchain"
)

// ask is one of the package's questions.
type ask func(string, toolchain.Options) (build.Tool, error)

// write makes a tree: pairs of a path and its content.
func write(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		at := filepath.Join(dir, files[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(files[i+1]), 0o644))
	}
	return dir
}

func TestEachSourceIsReadWithItsLine(t *testing.T) {
	lock := "GEM\n  specs:\n    rails (7.1.3)\n\nRUBY VERSION\n   ruby 3.2.2p53\n\nBUNDLED WITH\n   2.3.15\n"
	pom := "<?xml version=\"1.0\"?>\n<project>\n <properties>\n  <java.version>17</java.version>\n </properties>\n</project>\n"
	for _, c := range []struct {
		ask   ask
		files []string
		want  string
	}{
		{toolchain.Ruby, nil, "ruby (the app asks for no version)"},
		{toolchain.Ruby, []string{".tool-versions", "# tools\nnodejs 20.1.0\nruby 3.2.2 3.1.0 # both\n"}, "ruby 3.2.2 (.tool-versions:3)"},
		{toolchain.Ruby, []string{"mise.toml", "[tools]\nnode = \"20\"\nruby = [\"3.2.2\", \"3.1\"]\n"}, "ruby 3.2.2 (mise.toml:3)"},
		{toolchain.Ruby, []string{".mise.toml", "[tools.ruby]\nversion = '3.3'\n"}, "ruby 3.3 (.mise.toml:1)"},
		{toolchain.Ruby, []string{".ruby-version", "\xef\xbb\xbfruby-3.2.2\r\n"}, "ruby 3.2.2 (.ruby-version:1)"},
		{toolchain.Ruby, []string{"Gemfile", "source 'https://gems'\n\nruby \"3.2.2\"\n"}, "ruby 3.2.2 (Gemfile:3)"},
		{toolchain.Ruby, []string{"Gemfile", "ruby '>= 3.1', # new\n  '< 3.3'\ngem 'x'\n"}, "ruby >= 3.1, < 3.3 (Gemfile:1)"},
		{toolchain.Ruby, []string{"Gemfile", "ruby(\n  \"~> 3.2\",\n  engine: 'ruby',\n)\n"}, "ruby ~> 3.2 (Gemfile:1)"},
		{toolchain.Ruby, []string{"Gemfile", "ruby file: '.ruby-version'\n", ".ruby-version", "3.2.2\n"},
			"ruby 3.2.2 (.ruby-version:1, first by precedence; also 3.2.2 (.ruby-version:1))"},
		{toolchain.Ruby, []string{"Gemfile", "ruby file: 'v/ruby'\n", "v/ruby", "\n3.2.2\n"}, "ruby 3.2.2 (v/ruby:2)"},
		{toolchain.Ruby, []string{"Gemfile", "# ruby '1.8'\nruby_block = 1\nrubygems 'x'\n"}, "ruby (the app asks for no version)"},
		{toolchain.Ruby, []string{"Gemfile", "=begin\nruby '1.8'\n=end\nruby '3.2.2'\n__END__\nruby '1.9'\n"}, "ruby 3.2.2 (Gemfile:4)"},
		{toolchain.Ruby, []string{"Gemfile", "source 'https://gems'; ruby '3.2.2'\n"}, "ruby 3.2.2 (Gemfile:1)"},
		{toolchain.Ruby, []string{"Gemfile", "\n# not; ruby '1.8'\nputs '; ruby \"1.9\"'; ruby '3.2.2'; gem 'x'\n"}, "ruby 3.2.2 (Gemfile:3)"},
		{toolchain.Ruby, []string{".ruby-version", "3.4.0-preview2\n", "Gemfile.lock", "RUBY VERSION\n   ruby 3.4.0.preview2\n"},
			"ruby 3.4.0-preview2 (.ruby-version:1, first by precedence; also 3.4.0.preview2 (Gemfile.lock:2))"},
		{toolchain.Ruby, []string{".ruby-version", "3.4.0rc1\n", "Gemfile", "ruby '>= 3.4.0.preview1'\n"},
			"ruby 3.4.0rc1 (.ruby-version:1, first by precedence; also >= 3.4.0.preview1 (Gemfile:1))"},
		{toolchain.Ruby, []string{"Gemfile.lock", lock}, "ruby 3.2.2 (Gemfile.lock:6)"},
		{toolchain.Ruby, []string{"Gemfile.lock", lock, "Gemfile", "ruby '~> 3.2.0'"},
			"ruby ~> 3.2.0 (Gemfile:1, first by precedence; also 3.2.2 (Gemfile.lock:6))"},
		{toolchain.Bundler, []string{"Gemfile.lock", lock}, "bundle 2.3.15 (Gemfile.lock:9)"},
		{toolchain.Node, []string{"package.json", `{"engines": {"node": "*"}}`}, "node (the app asks for no version)"},
		{toolchain.Node, []string{".nvmrc", "v20.11.1\n"}, "node 20.11.1 (.nvmrc:1)"},
		{toolchain.Node, []string{".node-version", "20\n"}, "node 20 (.node-version:1)"},
		{toolchain.Node, []string{".tool-versions", "nodejs 20.11.1"}, "node 20.11.1 (.tool-versions:1)"},
		{toolchain.Node, []string{"package.json", "{\"name\": \"app\",\n \"engines\": {\"npm\": \">1\",\n  \"node\": \">= 18 < 21\"}}"},
			"node >= 18 < 21 (package.json:3)"},
		{toolchain.Node, []string{"package.json", "{\"volta\": {\"node\": \"20.11.1\"},\n\"engines\": {\"node\": \">=18\"}}"},
			"node 20.11.1 (package.json:1, first by precedence; also >=18 (package.json:2))"},
		{toolchain.Node, []string{"package.json", "{\"volta\": {\"extends\": \"./x/package.json\"}}", "x/package.json", "{\"volta\":\n{\"node\":\"22.1.0\"}}"},
			"node 22.1.0 (x/package.json:2)"},
		{toolchain.Java, []string{".sdkmanrc", "# jdk\njava=17.0.9-tem # newest\n"}, "java 17.0.9 (.sdkmanrc:2)"},
		{toolchain.Java, []string{".java-version", "temurin-21.0.1+12\n"}, "java 21.0.1 (.java-version:1)"},
		{toolchain.Java, []string{".tool-versions", "java zulu-17.44.53\n"}, "java 17 (.tool-versions:1)"},
		{toolchain.Java, []string{".tool-versions", "java zulu-musl-21.30.15\n"}, "java 21 (.tool-versions:1)"},
		{toolchain.Java, []string{".tool-versions", "java corretto-17.0.9.8.1\n"}, "java 17.0.9 (.tool-versions:1)"},
		{toolchain.Java, []string{".tool-versions", "java corretto-8.392.08.1\n"}, "java 8 (.tool-versions:1)"},
		{toolchain.Java, []string{".tool-versions", "java semeru-openj9-17.0.9+9_openj9-0.41.0\n"}, "java 17.0.9 (.tool-versions:1)"},
		{toolchain.Java, []string{".tool-versions", "java graalvm-22.3.1+java17\n"}, "java 17 (.tool-versions:1)"},
		{toolchain.Java, []string{".sdkmanrc", "java=22.3.r17-grl\n"}, "java 17 (.sdkmanrc:1)"},
		{toolchain.Java, []string{".sdkmanrc", "java=17.0.9-zulu\n"}, "java 17.0.9 (.sdkmanrc:1)"},
		{toolchain.Java, []string{"build.gradle", "/*\n x = JavaLanguageVersion.of(8)\n*/\nx = JavaLanguageVersion.of(17) /* of(8) */"}, "java 17 (build.gradle:4)"},
		{toolchain.Java, []string{"build.gradle", "/* JavaLanguageVersion.of(8)"}, "java (the app asks for no version)"},
		{toolchain.Java, []string{"system.properties", "java.runtime.version=17\n"}, "java 17 (system.properties:1)"},
		{toolchain.Java, []string{"build.gradle", "java {\n  toolchain {\n    languageVersion = JavaLanguageVersion.of(17)\n} }"}, "java 17 (build.gradle:3)"},
		{toolchain.Java, []string{"build.gradle.kts", "// JavaLanguageVersion.of(11)\nx.set(JavaLanguageVersion.of(\"21\"))"}, "java 21 (build.gradle.kts:2)"},
		{toolchain.Java, []string{"pom.xml", pom}, "java >=17 (pom.xml:4, a minimum)"},
		{toolchain.Java, []string{"pom.xml", pom, ".java-version", "21"}, "java 21 (.java-version:1, first by precedence; also >=17 (pom.xml:4))"},
	} {
		tool, err := c.ask(write(t, c.files...), toolchain.Options{})
		require.NoError(t, err, "%q", c.files)
		assert.Equal(t, c.want, tool.String())
	}
}

func TestSourcesThatContradictEachOtherAreNamedBoth(t *testing.T) {
	dir := write(t, ".ruby-version", "3.1.2\n", "Gemfile", "\nruby '~> 3.2'\n", "Gemfile.lock", "RUBY VERSION\n   ruby 3.1.2p20\n")
	_, err := toolchain.Ruby(dir, toolchain.Options{})
	var conflict *toolchain.ConflictError
	require.ErrorAs(t, err, &conflict)
	assert.Len(t, conflict.Choices, 2)
	assert.EqualError(t, err, "the tree asks for different versions of ruby: .ruby-version:1 wants 3.1.2, Gemfile:2 wants ~> 3.2; let them agree")

	var told error
	tool, err := toolchain.Ruby(dir, toolchain.Options{Disagree: func(err error) { told = err }})
	require.NoError(t, err)
	assert.Equal(t, "3.1.2", tool.Version)
	assert.ErrorAs(t, told, &conflict)

	tool, err = toolchain.Ruby(dir, toolchain.Options{Version: "3.3.0"})
	require.NoError(t, err)
	assert.Equal(t, "ruby 3.3.0 (by option; also 3.1.2 (.ruby-version:1), ~> 3.2 (Gemfile:2), 3.1.2 (Gemfile.lock:2))", tool.String())

	dir = write(t, "pom.xml", "<project><properties><maven.compiler.release>21</maven.compiler.release></properties></project>", ".java-version", "17")
	_, err = toolchain.Java(dir, toolchain.Options{})
	assert.EqualError(t, err, "the tree asks for different versions of java: .java-version:1 wants 17, pom.xml:1 wants >=21; let them agree")
}

func TestWhatIsNoVersionIsAnErrorWithItsLine(t *testing.T) {
	for _, c := range []struct {
		ask   ask
		files []string
		err   string
	}{
		{toolchain.Ruby, []string{".ruby-version", "latest\n"}, ".ruby-version:1 asks for ruby latest: name a version"},
		{toolchain.Ruby, []string{".ruby-version", "jruby-9.4.0\n"}, `.ruby-version:1: "jruby-9.4.0" is no version of Ruby itself`},
		{toolchain.Ruby, []string{".ruby-version", "\n# none\n"}, ".ruby-version names no version"},
		{toolchain.Ruby, []string{".tool-versions", "ruby\n"}, ".tool-versions:1: ruby has no version"},
		{toolchain.Ruby, []string{".tool-versions", "ruby ref:main\n"}, ".tool-versions:1: ruby ref:main is no version"},
		{toolchain.Ruby, []string{".tool-versions", "ruby system\n"}, ".tool-versions:1 asks for ruby system"},
		{toolchain.Ruby, []string{"mise.toml", "[tools]\nruby = \"3\nnode = 1\n"}, "mise.toml:2: "},
		{toolchain.Ruby, []string{"mise.toml", "[tools]\nruby = true\n"}, "mise.toml:2: ruby has no version"},
		{toolchain.Ruby, []string{"Gemfile", "\nruby ENV['RUBY']\n", ".ruby-version", "3.2.2"}, ""},
		{toolchain.Ruby, []string{"Gemfile", "\nruby \"#{v}\"\n"}, "Gemfile:2: the ruby line cannot be read without running it"},
		{toolchain.Ruby, []string{"Gemfile", "ruby '3.2.2' if x\n"}, "Gemfile:1: the ruby line cannot be read"},
		{toolchain.Ruby, []string{"Gemfile", "ruby '3.2.2', engine: 'jruby', engine_version: '9'\n"}, "Gemfile:1: it wants the engine jruby"},
		{toolchain.Ruby, []string{"Gemfile", "ruby file: 'nowhere'\n"}, "Gemfile:1: it takes the version from nowhere, which is not there"},
		{toolchain.Ruby, []string{"Gemfile.lock", "RUBY VERSION\n\n"}, "Gemfile.lock:1: RUBY VERSION names no version"},
		{toolchain.Bundler, []string{"Gemfile.lock", "BUNDLED WITH\n   new\n"}, `Gemfile.lock:2: "new" is no version of Bundler`},
		{toolchain.Node, []string{".nvmrc", "lts/iron\n"}, ".nvmrc:1 asks for node lts/iron: name a version"},
		{toolchain.Node, []string{".nvmrc", "node\n", "package.json", "{\n\"engines\": {\"node\": 20}}"}, `package.json:2: ["engines" "node"] is no string`},
		{toolchain.Node, []string{"package.json", "{\n\"engines\": {\n]}"}, "package.json:3: it is no JSON"},
		{toolchain.Node, []string{"package.json", `{"volta": {"extends": "../x/package.json"}}`}, "path escapes from parent"},
		{toolchain.Java, []string{".java-version", "new"}, `.java-version:1: "new" is no version of Java`},
		{toolchain.Java, []string{"pom.xml", "<project><properties>"}, "pom.xml: it is no XML"},
	} {
		_, err := c.ask(write(t, c.files...), toolchain.Options{})
		if c.err == "" {
			c.err = "Gemfile:2: the ruby line cannot be read without running it"
		}
		require.Error(t, err, "%q", c.files)
		assert.Contains(t, err.Error(), c.err)
	}
}

func TestAnOptionWinsOverWhatIsNoVersion(t *testing.T) {
	tool, err := toolchain.Node(write(t, ".nvmrc", "lts/*"), toolchain.Options{Version: "20.1.0"})
	require.NoError(t, err)
	assert.Equal(t, "20.1.0", tool.Version)
}

func TestAnyTwoSourcesHaveToAgree(t *testing.T) {
	_, err := toolchain.Ruby(write(t, ".ruby-version", "3", "Gemfile", "ruby '3.2.2'", "Gemfile.lock", "RUBY VERSION\n   ruby 3.1.2\n"), toolchain.Options{})
	assert.EqualError(t, err, "the tree asks for different versions of ruby: Gemfile:1 wants 3.2.2, Gemfile.lock:2 wants 3.1.2; let them agree")
}

func TestJava8IsKnownByBothOfItsNames(t *testing.T) {
	tool, err := toolchain.Java(write(t, "system.properties", "java.runtime.version=1.8\n",
		"pom.xml", "<project><properties><java.version>1.8</java.version></properties></project>"), toolchain.Options{})
	require.NoError(t, err)
	assert.Equal(t, "8", tool.Version)
	assert.True(t, tool.Met("1.8.0_392"))
	assert.True(t, tool.Met("8.0.392"))
}

func TestAPreReleaseIsNotItsRelease(t *testing.T) {
	_, err := toolchain.Ruby(write(t, ".ruby-version", "3.4.0-preview2", "Gemfile", "ruby '3.4.0'"), toolchain.Options{})
	assert.EqualError(t, err, "the tree asks for different versions of ruby: .ruby-version:1 wants 3.4.0-preview2, Gemfile:1 wants 3.4.0; let them agree")
}

func TestAllComplaintsComeAtOnce(t *testing.T) {
	_, err := toolchain.Node(write(t, ".nvmrc", "lts/iron", ".node-version", "node", "package.json", "{"), toolchain.Options{})
	require.Error(t, err)
	for _, want := range []string{".nvmrc:1", ".node-version:1", "package.json:1"} {
		assert.Contains(t, err.Error(), want)
	}
}

func TestNothingOutsideOfTheTreeIsRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(dir, ".ruby-version")))
	_, err := toolchain.Ruby(dir, toolchain.Options{})
	require.ErrorContains(t, err, ".ruby-version: path escapes from parent")
	_, err = toolchain.Ruby(write(t, "Gemfile", strings.Repeat(" ", 5<<20)), toolchain.Options{})
	require.ErrorContains(t, err, "Gemfile is larger than")
}

func FuzzSources(f *testing.F) {
	f.Add("ruby '3.2', # x\n '<4'", "[tools]\nruby='1'\n", "{\"engines\":{\"node\":\"1\"}}", "<project><properties><java.version>1</java.version></properties></project>")
	f.Fuzz(func(t *testing.T, gemfile, mise, manifest, pom string) {
		dir := write(t, "Gemfile", gemfile, "mise.toml", mise, "package.json", manifest, "pom.xml", pom)
		for _, a := range []ask{toolchain.Ruby, toolchain.Node, toolchain.Java} {
			if tool, err := a(dir, toolchain.Options{}); err == nil {
				assert.Equal(t, tool.Version == "", tool.File == "", "%+v", tool)
			}
		}
	})
}
