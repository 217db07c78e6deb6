package java_test

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/java"
)

// fakeTools puts a mvn and a gradle on the PATH that run the script "build" of the
// tree, in place of Java.
func fakeTools(t *testing.T) {
	t.Helper()
	bin := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in *--version*) echo 'Apache Maven 3.8.7 (x)'; exit;; esac\n" +
		"for a; do echo \"arg $a\"; done\nexec sh ./build\n"
	for _, name := range []string{"mvn", "gradle"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755))
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// file is one of a jar.
type file struct{ name, content string }

// pack makes a jar, with a time that is never the same.
func pack(t *testing.T, files ...file) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Now()})
		require.NoError(t, err)
		_, err = io.WriteString(w, f.content)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.String()
}

// program is a jar that can be started.
func program(t *testing.T, more ...file) string {
	t.Helper()
	return pack(t, append([]file{{"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nMain-Class: app.Web\r\n\r\n"}, {"app/Web.class", "x"}}, more...)...)
}

const pom = "<project>\n<modelVersion>4.0.0</modelVersion>\n<packaging>jar</packaging>\n</project>\n"

// mavenTree is a tree whose build copies jars/ into target/.
func mavenTree(more map[string]string) map[string]string {
	files := map[string]string{"pom.xml": pom, "build": "mkdir target && cp jars/* target/"}
	for name, content := range more {
		files[name] = content
	}
	return files
}

// built is what became of a tree.
type built struct {
	ws  *build.Workspace
	out build.Output
	a   *build.Artifact
	log string
	err error
}

// construct builds a tree.
func construct(t *testing.T, c java.Config, files map[string]string) built {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, buildtest.WriteTree(dir, files))
	return constructIn(t, c, &build.Workspace{Dir: dir})
}

func constructIn(t *testing.T, c java.Config, ws *build.Workspace) built {
	t.Helper()
	b, err := java.New(c)
	require.NoError(t, err)
	var log bytes.Buffer
	ws.Log = &log
	r := built{ws: ws}
	if r.out, r.err = b.Build(t.Context(), ws); r.err == nil {
		r.a, r.err = ws.Record(t.Context(), r.out, build.Limits{})
	}
	r.log = log.String()
	return r
}

// paths lists the files of the artifact.
func (r built) paths(t *testing.T) []string {
	t.Helper()
	require.NoError(t, r.err, r.log)
	var paths []string
	for _, f := range r.a.Manifest {
		paths = append(paths, f.Path)
	}
	return paths
}

// read returns a file of the artifact.
func (r built) read(t *testing.T, name string) string {
	t.Helper()
	require.NoError(t, r.err, r.log)
	f, err := r.a.Files.Open(name)
	require.NoError(t, err)
	defer f.Close()
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	return string(content)
}

// unpack returns the names in a jar of the artifact in their order, and the files.
func (r built) unpack(t *testing.T, name string) ([]string, map[string]string) {
	t.Helper()
	content := r.read(t, name)
	z, err := zip.NewReader(strings.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	var names []string
	files := map[string]string{}
	for _, f := range z.File {
		names = append(names, f.Name)
		in, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(in)
		require.NoError(t, err)
		files[f.Name] = string(text)
	}
	return names, files
}

func TestTheJavaBuilderPassesTheSuite(t *testing.T) {
	fakeTools(t)
	for name, tree := range map[string]map[string]string{
		"plain":       {"jars/web-1.0.jar": program(t)},
		"spring boot": {"jars/web-1.0.jar": bootJar(t, "x")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := mavenTree(tree)
			files["build"] += "; sleep 0.3"
			buildtest.TestBuilder(t, buildtest.BuilderPlace{
				New:  func() (build.Builder, error) { return java.New(java.Config{}) },
				Tree: func(dir string) error { return buildtest.WriteTree(dir, files) },
				// Maven is asked for its version before it builds.
				CancelAfter: 200 * time.Millisecond,
			})
		})
	}
}

func TestAConfigIsCheckedAllAtOnce(t *testing.T) {
	_, err := java.New(java.Config{
		Tool: "ant", Jar: "[", Include: []string{"../x", "."}, MaxBytes: -1,
		Args: []string{"-Dpassword=hunter2"}, Secrets: map[string]string{"P": "hunter2"},
	})
	for _, want := range []string{`Tool "ant"`, `Jar "["`, `"../x" is not inside`, `Include "."`, "MaxBytes", "secret"} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "hunter2")
}

func TestTheIdentityTellsSettingsApartAndHoldsNoSecret(t *testing.T) {
	identity := func(c java.Config) string {
		b, err := java.New(c)
		require.NoError(t, err)
		return b.Identity()
	}
	require.Equal(t, identity(java.Config{}), identity(java.Config{}))
	require.NotEqual(t, identity(java.Config{}), identity(java.Config{Tests: true}))
	one := identity(java.Config{Secrets: map[string]string{"P": "one"}})
	require.Equal(t, one, identity(java.Config{Secrets: map[string]string{"P": "two"}}))
	require.NotEqual(t, one, identity(java.Config{}))
}

func TestATreeIsRecognisedByItsBuildFile(t *testing.T) {
	b, err := java.New(java.Config{})
	require.NoError(t, err)
	for file, want := range map[string]string{
		"pom.xml": "pom.xml", "build.gradle.kts": "build.gradle.kts", "settings.gradle": "settings.gradle", "package.json": "",
	} {
		dir := t.TempDir()
		require.NoError(t, buildtest.WriteTree(dir, map[string]string{file: ""}))
		r, err := b.Recognize(dir)
		require.NoError(t, err)
		require.Equal(t, build.Recognition{Kind: "java", Found: want, Looked: "a pom.xml, build.gradle(.kts) or settings.gradle(.kts)"}, r)
	}
}

func TestATreeWithBothMavenAndGradleHasToBeDecided(t *testing.T) {
	fakeTools(t)
	files := mavenTree(map[string]string{"build.gradle": "", "jars/web.jar": program(t)})
	r := construct(t, java.Config{}, files)
	require.ErrorContains(t, r.err, "both pom.xml and build.gradle")
	r = construct(t, java.Config{Tool: "maven"}, files)
	require.Equal(t, []string{"Procfile", "app.jar"}, r.paths(t))
	delete(files, "pom.xml")
	r = construct(t, java.Config{Tool: "maven"}, files)
	require.ErrorContains(t, r.err, "Config.Tool")
}

func TestTheLogBeginsWithTheVersionsAndTheArtifactHoldsThem(t *testing.T) {
	fakeTools(t)
	r := construct(t, java.Config{}, mavenTree(map[string]string{"jars/web.jar": program(t), "jars/web-sources.jar": "no jar"}))
	require.NoError(t, r.err, r.log)
	lines := strings.Split(r.log, "\n")
	require.Contains(t, lines[0], "java")
	require.Contains(t, lines[1], "maven 3.8.7 (on the PATH; the tree has no mvnw)")
	require.Equal(t, "3.8.7", r.out.Tools[1].Version)
	for _, arg := range []string{"-B", "-ntp", "-DskipTests", "-Dproject.build.outputTimestamp=1980-02-01T00:00:00Z", "package"} {
		require.Contains(t, r.log, "arg "+arg+"\n")
	}
	require.Contains(t, r.log, "arg -Dmaven.repo.local="+r.ws.Dir)
}

func TestWhatTheConfigAsksForReachesMaven(t *testing.T) {
	fakeTools(t)
	files := mavenTree(map[string]string{"jars/web.jar": program(t)})
	files["pom.xml"] = "<project><properties>\n<project.build.outputTimestamp>2020-01-01T00:00:00Z</project.build.outputTimestamp></properties></project>"
	files["build"] += "; echo said $TOKEN $STAGE"
	r := construct(t, java.Config{
		Tests: true, Args: []string{"-Pprod"}, Goals: []string{"verify"},
		Env: map[string]string{"STAGE": "blue"}, Secrets: map[string]string{"TOKEN": "hunter2hunter2"},
	}, files)
	require.NoError(t, r.err, r.log)
	require.Contains(t, r.log, "arg -Pprod\narg verify\n")
	require.NotContains(t, r.log, "skipTests")
	require.NotContains(t, r.log, "outputTimestamp")
	require.Contains(t, r.log, "said "+build.Redacted+" blue")
}

func TestASecretInTheArtifactIsAnError(t *testing.T) {
	fakeTools(t)
	files := mavenTree(map[string]string{"jars/web.jar": program(t)})
	files["build"] += "; mkdir -p conf; printf $TOKEN >conf/token"
	files["conf/x"] = "x"
	r := construct(t, java.Config{Include: []string{"conf"}, Secrets: map[string]string{"TOKEN": "hunter2hunter2"}}, files)
	require.ErrorContains(t, r.err, "TOKEN")
}

func TestTheEndOfAFailedBuildIsInTheError(t *testing.T) {
	fakeTools(t)
	files := mavenTree(nil)
	files["build"] = "echo '[ERROR] Web.java:[3,1] cannot find symbol'; exit 1"
	r := construct(t, java.Config{}, files)
	require.ErrorContains(t, r.err, "Web.java:[3,1] cannot find symbol")
	require.False(t, temporary(r.err))
}

// temporary asks an error as a pipeline does.
func temporary(err error) bool {
	for err != nil {
		if t, ok := err.(interface{ Temporary() bool }); ok {
			return t.Temporary()
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = u.Unwrap()
	}
	return false
}

func TestAFailureOfTheNetworkIsTemporary(t *testing.T) {
	fakeTools(t)
	for said, want := range map[string]bool{
		"Could not transfer artifact g:a:pom:1 from/to central (https://repo.example): Connection reset":                                   true,
		"transfer failed for https://repo.example/a.pom, status: 503 Service Unavailable":                                                  true,
		"Could not GET 'https://repo.example/a.pom'. Received status code 502 from server: Bad Gateway":                                    true,
		"Could not transfer artifact g:a:pom:1 from/to central (https://repo.example): authentication failed, status: 401 Unauthorized":    false,
		"Could not find artifact g:a:pom:1 in central (https://repo.example)":                                                              false,
		"WebTest.answers:12 expected status 200":                                                                                           false,
		"wget: unable to resolve host address ‘repo.example’":                                                                              true,
		"Could not transfer artifact g:a:pom:1 from/to central (https://repo.example): repo.example: Temporary failure in name resolution": true,
		"Connect to repo.example:443 [repo.example/192.0.2.1] failed: Connection refused (Connection refused)":                             true,
	} {
		files := mavenTree(nil)
		files["build"] = "cat said; exit 1"
		files["said"] = "[ERROR] " + said + "\n"
		r := construct(t, java.Config{}, files)
		require.Error(t, r.err)
		require.Equal(t, want, temporary(r.err), said)
	}
}

func TestAJavaThatIsNotThereIsNamed(t *testing.T) {
	fakeTools(t)
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "java"), []byte("#!/bin/sh\necho 'openjdk version \"17.0.15\"' >&2\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	files := mavenTree(map[string]string{"jars/web.jar": program(t), ".java-version": "21\n"})
	r := construct(t, java.Config{}, files)
	require.ErrorContains(t, r.err, "the app wants java 21 (.java-version:1), this machine has 17.0.15")
	files[".java-version"] = "17\n"
	require.NoError(t, construct(t, java.Config{}, files).err)
}
