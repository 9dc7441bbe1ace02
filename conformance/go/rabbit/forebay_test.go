package rabbit

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// forebay is a process of a case's own, for what is done to the process itself.
type forebay struct {
	t       *testing.T
	folder  string
	amqp    string
	process *exec.Cmd
}

func startForebay(t *testing.T) *forebay {
	t.Helper()
	forebayOnly(t)
	server := &forebay{t: t, folder: t.TempDir(), amqp: "127.0.0.1:0"}
	t.Cleanup(func() { server.kill() })
	server.start()
	return server
}

// start waits until the server is ready; after the first time it is where its clients know it.
func (f *forebay) start() {
	f.t.Helper()
	readyFile := filepath.Join(f.folder, "ready.json")
	check(f.t, os.RemoveAll(readyFile))
	log, err := os.OpenFile(
		filepath.Join(f.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	check(f.t, err)
	defer func() { _ = log.Close() }()
	f.process = exec.Command(os.Getenv("FOREBAY"), "serve",
		"--kafka", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--amqp", f.amqp,
		"--aws", "off",
		"--data", filepath.Join(f.folder, "data"), "--ready-file", readyFile)
	f.process.Stdout, f.process.Stderr = log, log
	// It ends with the tests, also when they are killed.
	f.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(f.t, f.process.Start())
	var ready []byte
	eventually(f.t, "the server is ready", func() bool {
		ready, err = os.ReadFile(readyFile)
		return err == nil
	})
	var listeners struct{ Amqp string }
	check(f.t, json.Unmarshal(ready, &listeners))
	f.amqp = listeners.Amqp
}

func (f *forebay) kill() {
	_ = f.process.Process.Kill()
	_ = f.process.Wait()
}

func (f *forebay) stop() {
	f.t.Helper()
	check(f.t, f.process.Process.Signal(syscall.SIGTERM))
	check(f.t, f.process.Wait())
}
