//go:build integration

package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/internal/partstest/teamtest"
)

// From git to three hosts by sshd, with a hold, a rollback and a resume: what a team does,
// by the one command that the script documents.
func TestRealJavaServiceGoesFromGitToAFleet(t *testing.T) {
	m := teamtest.New(t, filepath.Join(partstest.Dir(t, "java"), "plain"))
	ports := m.Local("local")
	says := func(text string) {
		t.Helper()
		for n := range 3 {
			r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", ports+11+n))
			require.NoError(t, err)
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			require.NoError(t, err)
			require.Equal(t, text, string(body))
		}
	}
	commit := func(from, to string) string {
		m.Edit("src/main/java/app/Web.java", from, to)
		return m.Commit()
	}
	first := commit("hello from gradle", "first")
	m.Run()
	m.Live(first)
	says("first")

	m.Type("hold", "-reason", "the fair is open")
	second := commit("first", "second")
	m.Waits(second, "the fair is open")
	says("first")
	m.Type("unhold", m.Status().Holds[0].ID)
	m.Live(second)
	says("second")

	m.Type("rollback", "-yes", "-wait", "-reason", "the second is broken")
	says("first")
	third := commit("second", "third")
	m.Waits(third, "the second is broken")
	says("first")
	m.Type("resume", "-from", third, "-reason", "mended")
	m.Live(third)
	says("third")
}
