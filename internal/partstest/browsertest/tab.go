package browsertest

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/muster-deploy/muster/internal/partstest"
)

// Tab is a page in a Chromium that a test drives. What fails fails the test.
type Tab struct {
	t testing.TB
	*wire
}

// Open starts a browser with one empty tab, and stops it when the test ends.
func Open(t testing.TB) *Tab {
	t.Helper()
	partstest.Dir(t, "chromium")
	toBrowser, out, err1 := os.Pipe()
	in, fromBrowser, err2 := os.Pipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	c := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--hide-scrollbars", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	c.ExtraFiles = []*os.File{toBrowser, fromBrowser}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // its renderers are of its group
		_ = c.Wait()
		out.Close()
		in.Close()
	})
	toBrowser.Close()
	fromBrowser.Close()
	tab := &Tab{t: t, wire: newWire(out)}
	go tab.listen(bufio.NewReader(in))
	tab.attach()
	return tab
}

// attach takes hold of a tab.
func (b *Tab) attach() {
	b.t.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	var session struct {
		SessionID string `json:"sessionId"`
	}
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", map[string]any{}, nil)
	}
}

// call calls a method of the browser.
func (b *Tab) call(method string, params map[string]any, result any) {
	b.t.Helper()
	if err := b.ask(method, params, result); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

// Go opens a URL and waits until the page is there.
func (b *Tab) Go(url string) {
	b.t.Helper()
	var r struct {
		ErrorText string `json:"errorText"`
	}
	b.call("Page.navigate", map[string]any{"url": url}, &r)
	if r.ErrorText != "" {
		b.t.Fatalf("open %s: %s", url, r.ErrorText)
	}
	b.Wait(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// Eval evaluates an expression in the page and returns what it is as text.
func (b *Tab) Eval(expression string) string {
	b.t.Helper()
	text, failed := b.eval(expression)
	if failed != "" {
		b.t.Fatalf("%s: %s", expression, failed)
	}
	return text
}

func (b *Tab) eval(expression string) (text, failed string) {
	b.t.Helper()
	var r struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	params := map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true}
	if err := b.ask("Runtime.evaluate", params, &r); err != nil {
		return "", err.Error() // the page is being left
	}
	if r.Exception != nil {
		return "", r.Exception.Text
	}
	return fmt.Sprint(r.Result.Value), ""
}

// Wait waits until an expression is true.
func (b *Tab) Wait(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if text, _ := b.eval("!!(" + expression + ")"); text == "true" {
			return
		}
	}
	page, _ := b.eval("location.href + '\\n' + document.body.innerText")
	b.t.Fatalf("still not so: %s\n%s", expression, page)
}

// Type types text into what has the focus.
func (b *Tab) Type(text string) {
	b.t.Helper()
	b.call("Input.insertText", map[string]any{"text": text}, nil)
}

// Press presses a key: "Tab", "Enter" or " ".
func (b *Tab) Press(key string) {
	b.t.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13, " ": 32}[key]
	text := map[string]string{"Enter": "\r", " ": " "}[key]
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "text": text}, nil)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}, nil)
}

// Scripts lets pages run scripts, or not. Eval and Wait go on in both cases.
func (b *Tab) Scripts(on bool) {
	b.t.Helper()
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": !on}, nil)
}

// Look sets the size of the window in pixels, and whether its user likes it dark.
func (b *Tab) Look(width, height int, dark bool) {
	b.t.Helper()
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Screenshot writes the whole page to a file, as PNG.
func (b *Tab) Screenshot(file string) {
	b.t.Helper()
	var r struct {
		Data string `json:"data"`
	}
	b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &r)
	data, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		b.t.Fatalf("screenshot: %v", err)
	}
}

// Complaints are what the browser's console has of all pages so far: scripts that
// failed, what a policy blocked, what could not be loaded.
func (b *Tab) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.errors...)
}
