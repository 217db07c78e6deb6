package java_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/java"
)

const bootManifest = "Manifest-Version: 1.0\r\nMain-Class: org.springframework.boot.loader.launch.JarLauncher\r\nStart-Class: app.Web\r\n" +
	"Implementation-Version: 1.0\r\nSpring-Boot-Version: 3.5.0\r\nSpring-Boot-Classes: BOOT-INF/classes/\r\nSpring-Boot-Lib: BOOT-INF/lib/\r\n" +
	"Spring-Boot-Classpath-Index: BOOT-INF/classpath.idx\r\nSpring-Boot-Layers-Index: BOOT-INF/layers.idx\r\n\r\n"

const bootIndex = "- \"BOOT-INF/lib/z.jar\"\n- \"BOOT-INF/lib/a b.jar\"\n- \"BOOT-INF/lib/module.jar\"\n"

// bootFiles are those of a Spring Boot jar whose one class holds content.
func bootFiles(t *testing.T, content string) []file {
	t.Helper()
	return []file{
		{"META-INF/MANIFEST.MF", bootManifest},
		{"META-INF/services/java.nio.file.spi.FileSystemProvider", "org.springframework.boot.loader.nio.file.NestedFileSystemProvider\n"},
		{"META-INF/maven/g/a/pom.xml", "<project/>"},
		{"org/springframework/boot/loader/launch/JarLauncher.class", "x"},
		{"BOOT-INF/classes/", ""},
		{"BOOT-INF/classes/app/Web.class", content},
		{"BOOT-INF/classes/META-INF/services/x", "app.Web"},
		{"BOOT-INF/lib/a b.jar", "library a"},
		{"BOOT-INF/lib/z.jar", "library z"},
		{"BOOT-INF/lib/module.jar", pack(t, file{"m", "same"})},
		{"BOOT-INF/lib/unlisted.jar", "jarmode"},
		{"BOOT-INF/classpath.idx", bootIndex},
		{"BOOT-INF/layers.idx", "- \"application\":\n  - \"BOOT-INF/classes/\"\n"},
	}
}

// bootJar is a Spring Boot jar.
func bootJar(t *testing.T, content string) string {
	t.Helper()
	return pack(t, bootFiles(t, content)...)
}

// bootTree is a tree of two modules: one is a library of the other.
func bootTree(t *testing.T, jar string) map[string]string {
	t.Helper()
	files := mavenTree(map[string]string{"module/pom.xml": pom, "jars/web.jar": jar, "module.jar": pack(t, file{"m", "same"})})
	files["build"] += "; mkdir module/target; cp module.jar module/target/"
	return files
}

func TestASpringBootJarIsTakenApart(t *testing.T) {
	fakeTools(t)
	r := construct(t, java.Config{}, bootTree(t, bootJar(t, "one")))
	require.Equal(t, []string{"Procfile", "app.jar", "lib/a b.jar", "lib/module.jar", "lib/z.jar"}, r.paths(t))
	require.Equal(t, "library z", r.read(t, "lib/z.jar"))
	require.Equal(t, "web: java -Dserver.port=$PORT -jar app.jar\n", r.read(t, "Procfile"))
	names, content := r.unpack(t, "app.jar")
	require.Equal(t, []string{
		"META-INF/", "META-INF/MANIFEST.MF", "META-INF/maven/", "META-INF/maven/g/", "META-INF/maven/g/a/", "META-INF/maven/g/a/pom.xml",
		"META-INF/services/", "META-INF/services/x", "app/", "app/Web.class",
	}, names)
	require.Equal(t, "Manifest-Version: 1.0\r\nImplementation-Version: 1.0\r\nMain-Class: app.Web\r\n"+
		"Class-Path: lib/z.jar lib/a%20b.jar lib/module.jar\r\n\r\n", content["META-INF/MANIFEST.MF"])
}

func TestAReleaseDiffersOnlyInWhatChanged(t *testing.T) {
	fakeTools(t)
	one := construct(t, java.Config{}, bootTree(t, bootJar(t, "one")))
	two := construct(t, java.Config{}, bootTree(t, bootJar(t, "two")))
	require.NoError(t, one.err)
	require.NoError(t, two.err)
	require.Equal(t, []string{"app.jar"}, differ(one.a, two.a))
}

// differ lists the paths of two artifacts with other content.
func differ(a, b *build.Artifact) []string {
	var paths []string
	in := map[string]build.File{}
	for _, f := range a.Manifest {
		in[f.Path] = f
	}
	for _, f := range b.Manifest {
		if in[f.Path] != f {
			paths = append(paths, f.Path)
		}
		delete(in, f.Path)
	}
	for p := range in {
		paths = append(paths, p)
	}
	return paths
}

func TestALongClassPathIsBrokenIntoLines(t *testing.T) {
	fakeTools(t)
	files := []file{{"META-INF/MANIFEST.MF", bootManifest}}
	index, want := "", ""
	for n := range 40 {
		name := fmt.Sprintf("library-%d.jar", 39-n)
		files = append(files, file{"BOOT-INF/lib/" + name, ""})
		index, want = index+"- \"BOOT-INF/lib/"+name+"\"\n", want+" lib/"+name
	}
	r := construct(t, java.Config{}, bootTree(t, pack(t, append(files, file{"BOOT-INF/classpath.idx", index})...)))
	_, content := r.unpack(t, "app.jar")
	joined := ""
	for line := range strings.SplitSeq(content["META-INF/MANIFEST.MF"], "\r\n") {
		require.LessOrEqual(t, len(line), 72)
		if line != "" && line[0] == ' ' {
			line = line[1:]
		} else {
			line = "\n" + line
		}
		joined += line
	}
	require.Contains(t, joined, "\nClass-Path:"+want+"\n")
}

func TestAnOldSpringBootJarKeepsTheOrderOfItsLibraries(t *testing.T) {
	fakeTools(t)
	m := "Main-Class: org.springframework.boot.loader.JarLauncher\r\nStart-Class: app.Web\r\n\r\n"
	r := construct(t, java.Config{}, bootTree(t, pack(t, file{"META-INF/MANIFEST.MF", m},
		file{"BOOT-INF/lib/b.jar", ""}, file{"BOOT-INF/lib/a.jar", ""})))
	_, content := r.unpack(t, "app.jar")
	require.Contains(t, content["META-INF/MANIFEST.MF"], "Class-Path: lib/b.jar lib/a.jar\r\n")
}

func TestASpringBootJarThatMustStayWholeDoes(t *testing.T) {
	fakeTools(t)
	m := "Main-Class: org.springframework.boot.loader.PropertiesLauncher\r\nStart-Class: app.Web\r\n\r\n"
	r := construct(t, java.Config{}, bootTree(t, pack(t, file{"META-INF/MANIFEST.MF", m}, file{"BOOT-INF/lib/b.jar", ""})))
	require.Equal(t, []string{"Procfile", "app.jar"}, r.paths(t))
	war := mavenTree(map[string]string{"jars/web.war": bootJar(t, "x")})
	r = construct(t, java.Config{}, war)
	require.Equal(t, []string{"Procfile", "app.war"}, r.paths(t))
	require.Equal(t, "web: java -jar app.war\n", r.read(t, "Procfile"))
}

func TestABrokenSpringBootJarIsAnError(t *testing.T) {
	fakeTools(t)
	for index, want := range map[string]string{
		"nonsense\n":                                           "classpath.idx in target/web.jar: line 1",
		"- \"BOOT-INF/lib/nowhere.jar\"\n":                     `names "BOOT-INF/lib/nowhere.jar"`,
		"- \"META-INF/MANIFEST.MF\"\n":                         `names "META-INF/MANIFEST.MF"`,
		"- \"BOOT-INF/lib/z.jar\"\n- \"BOOT-INF/lib/z.jar\"\n": "twice",
	} {
		files := bootFiles(t, "x")
		for i := range files {
			if files[i].name == "BOOT-INF/classpath.idx" {
				files[i].content = index
			}
		}
		r := construct(t, java.Config{}, bootTree(t, pack(t, files...)))
		require.ErrorContains(t, r.err, want)
	}
}

func TestASpringBootJarIsBounded(t *testing.T) {
	fakeTools(t)
	r := construct(t, java.Config{MaxBytes: 15}, bootTree(t, bootJar(t, "x")))
	var limit *build.LimitError
	require.ErrorAs(t, r.err, &limit)
	require.Equal(t, build.LimitError{What: "target/web.jar", Unit: "bytes", Limit: 15}, *limit)
}
