package java_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/java"
)

func TestTheOneJarWithAMainClassIsShipped(t *testing.T) {
	fakeTools(t)
	r := construct(t, java.Config{}, mavenTree(map[string]string{
		"jars/web-1.0.jar": program(t), "jars/web-1.0-sources.jar": program(t), "jars/original-web-1.0.jar": program(t),
		"jars/web-1.0-plain.jar": program(t), "jars/help.jar": pack(t, file{"a", ""}),
	}))
	require.Equal(t, []string{"Procfile", "app.jar"}, r.paths(t))
	require.Equal(t, "web: java -jar app.jar\n", r.read(t, "Procfile"))
}

func TestWithoutARunnableJarTheErrorSaysWhatThereWas(t *testing.T) {
	fakeTools(t)
	r := construct(t, java.Config{}, mavenTree(map[string]string{"jars/web-1.0.jar": pack(t, file{"a", ""})}))
	require.ErrorContains(t, r.err, "target/web-1.0.jar has no Main-Class")
	require.ErrorContains(t, r.err, "pom.xml:3 (packaging jar)")
	files := mavenTree(nil)
	files["build"] = "true"
	require.ErrorContains(t, construct(t, java.Config{}, files).err, "nothing that can be started: let")
}

func TestOfTwoRunnableJarsNoneIsGuessed(t *testing.T) {
	fakeTools(t)
	files := mavenTree(map[string]string{
		"one/pom.xml": pom, "two/pom.xml": pom, "jars/web.jar": program(t), "src/test/fixture/pom.xml": pom, "src/test/fixture/target/x": "",
	})
	files["build"] = "for m in one two; do mkdir $m/target; cp jars/web.jar $m/target/$m.jar; done; ls src/test/fixture/target/x"
	r := construct(t, java.Config{}, files)
	require.ErrorContains(t, r.err, "one/target/one.jar, two/target/two.jar: say with Config.Jar")
	r = construct(t, java.Config{Jar: "two/target/*.jar"}, files)
	require.Equal(t, []string{"Procfile", "app.jar"}, r.paths(t))
	require.Contains(t, r.log, "two/target/two.jar is shipped")
	r = construct(t, java.Config{Jar: "three/*.jar"}, files)
	require.ErrorContains(t, r.err, "two/target/two.jar is not three/*.jar")
}

func TestAStaleJarOfTheSourceIsNotShipped(t *testing.T) {
	fakeTools(t)
	files := mavenTree(map[string]string{"target/stale.jar": program(t), "jars/web.jar": program(t)})
	require.NoError(t, construct(t, java.Config{}, files).err)
}

func TestAJarThatIsBrokenIsAnError(t *testing.T) {
	fakeTools(t)
	for want, content := range map[string]string{
		"not a valid zip file":      "junk",
		"holds app/Web.class twice": program(t, file{"app/Web.class", "y"}),
		`the name "../../x"`:        program(t, file{"../../x", ""}),
		`the name "/etc/x"`:         program(t, file{"/etc/x", ""}),
		`the name "a\\b"`:           program(t, file{`a\b`, ""}),
		`the name "a\nb"`:           program(t, file{"a\nb", ""}),
	} {
		r := construct(t, java.Config{}, mavenTree(map[string]string{"jars/web.jar": content}))
		require.ErrorContains(t, r.err, want)
		require.ErrorContains(t, r.err, "target/web.jar")
	}
}

func TestLibrariesOfTheClassPathKeepTheirPlaces(t *testing.T) {
	fakeTools(t)
	app := pack(t, file{"META-INF/MANIFEST.MF", "Main-Class: app.Web\r\nClass-Path: lib/a.jar lib/b%20c.jar conf/\r\n\r\n"})
	files := mavenTree(map[string]string{"jars/web.jar": app, "lib/a.jar": "a", "lib/b c.jar": "b"})
	files["build"] += "; cp -r lib target/"
	r := construct(t, java.Config{}, files)
	require.Equal(t, []string{"Procfile", "app.jar", "lib/a.jar", "lib/b c.jar"}, r.paths(t))
	require.Equal(t, "a", r.read(t, "lib/a.jar"))
	delete(files, "lib/a.jar")
	require.ErrorContains(t, construct(t, java.Config{}, files).err, "names lib/a.jar, not to be found beside it")
	files["jars/web.jar"] = pack(t, file{"META-INF/MANIFEST.MF", "Main-Class: app.Web\r\nClass-Path: ../../a.jar\r\n\r\n"})
	require.ErrorContains(t, construct(t, java.Config{}, files).err, "which is not below it")
}

func TestAJarDependsOnNothingButItsContent(t *testing.T) {
	fakeTools(t)
	m := file{"META-INF/MANIFEST.MF", "Main-Class: app.Web\r\n\r\n"}
	properties := "META-INF/maven/g/a/pom.properties"
	one := pack(t, file{"b/x", "1"}, m, file{properties, "#Generated\n#Monday\nversion=1\n"}, file{"a", "2"})
	two := pack(t, m, file{"a", "2"}, file{properties, "#Generated\n#Tuesday\nversion=1\n"}, file{"b/", ""}, file{"b/x", "1"})
	r := construct(t, java.Config{}, mavenTree(map[string]string{"jars/web.jar": one}))
	names, content := r.unpack(t, "app.jar")
	require.Equal(t, []string{"META-INF/", "META-INF/MANIFEST.MF", "META-INF/maven/", "META-INF/maven/g/", "META-INF/maven/g/a/", properties, "a", "b/", "b/x"}, names)
	require.Equal(t, "version=1\n", content[properties])
	require.Equal(t, r.a.Digest, construct(t, java.Config{}, mavenTree(map[string]string{"jars/web.jar": two})).a.Digest)

	signed := pack(t, m, file{properties, "#Monday\n"}, file{"META-INF/A.SF", "x"})
	_, content = construct(t, java.Config{}, mavenTree(map[string]string{"jars/web.jar": signed})).unpack(t, "app.jar")
	require.Equal(t, "#Monday\n", content[properties])
}

func TestAProcfileNamesTheProgramByItsPlaceInTheArtifact(t *testing.T) {
	fakeTools(t)
	files := mavenTree(map[string]string{"jars/web-1.0.jar": program(t), "Procfile": "web: java $JAVA_OPTS -jar target/*.jar\nwork: ./work\n"})
	r := construct(t, java.Config{}, files)
	require.Equal(t, "web: java $JAVA_OPTS -jar app.jar\nwork: ./work\n", r.read(t, "Procfile"))
	require.Contains(t, r.log, "Procfile:1: target/*.jar is app.jar in the artifact")
}

func TestFilesAreIncludedBesideTheJar(t *testing.T) {
	fakeTools(t)
	files := mavenTree(map[string]string{"jars/web.jar": program(t), "conf/a": "1", "conf/b/c*": "2"})
	r := construct(t, java.Config{Include: []string{"conf/"}}, files)
	require.Equal(t, []string{"Procfile", "app.jar", "conf/a", "conf/b/c"}, r.paths(t))
	r = construct(t, java.Config{Include: []string{"nowhere"}}, files)
	require.ErrorContains(t, r.err, "nowhere")
	files["app.jar"] = ""
	r = construct(t, java.Config{Include: []string{"app.jar"}}, files)
	require.ErrorContains(t, r.err, "app.jar is the name of something that the build made")
}
