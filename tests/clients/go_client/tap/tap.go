// Package tap prints checks as TAP lines and waits for events with a deadline.
// All functions may be called from any goroutine.
package tap

import (
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

// Deadline is how long anything is waited for.
const Deadline = 20 * time.Second

// SessionTimeout is what sessions of the checks ask for.
const SessionTimeout = 10 * time.Second

var (
	mutex  sync.Mutex
	done   int
	failed int
)

// Check prints "ok <n> - <text>" or "not ok <n> - <text>".
func Check(passed bool, format string, arguments ...interface{}) {
	mutex.Lock()
	defer mutex.Unlock()
	done++
	word := "ok"
	if !passed {
		failed++
		word = "not ok"
	}
	fmt.Printf("%s %d - %s\n", word, done, fmt.Sprintf(format, arguments...))
}

// Equal checks that two values are the same.
func Equal(wanted, got interface{}, what string) {
	Check(reflect.DeepEqual(wanted, got), "%s is %v (got %v)", what, wanted, got)
}

// Error checks that a call ended as it should; wanted is nil for success.
func Error(wanted, got error, call string) {
	if wanted == got {
		Check(true, "%s: %v", call, wanted)
	} else {
		Check(false, "%s: expected %v, got %v", call, wanted, got)
	}
}

// Must ends the program when something that everything later needs has failed.
func Must(err error, what string) {
	if err != nil {
		Check(false, "%s: %v", what, err)
		os.Exit(1)
	}
}

// Ask prints a comment by which the caller is asked to "stop the server" or to "start the server".
func Ask(what string) {
	mutex.Lock()
	defer mutex.Unlock()
	fmt.Printf("# %s\n", what)
}

// Event waits for the one event of a watch.
func Event(watch <-chan zk.Event, kind zk.EventType, path, what string) {
	select {
	case event := <-watch:
		Check(event.Type == kind && event.Path == path && event.Err == nil,
			"%s: event %v at %s (expected %v at %s, error %v)",
			what, event.Type, event.Path, kind, path, event.Err)
	case <-time.After(Deadline):
		Check(false, "%s: no event came", what)
	}
}

// Within runs a call that may block and checks that it ends.
func Within(what string, call func() error) {
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	select {
	case err := <-ended:
		Error(nil, err, what)
	case <-time.After(Deadline):
		Check(false, "%s: it does not end", what)
	}
}

// Eventually looks again and again until a condition holds: for states that nothing announces.
func Eventually(what string, holds func() bool) {
	deadline := time.Now().Add(Deadline)
	for !holds() && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	Check(holds(), "%s", what)
}

type silence struct{}

func (silence) Printf(string, ...interface{}) {}

// Connect opens a session and waits until it is there. The client's log lines are dropped: lost
// connections are part of the checks.
func Connect(server string) *zk.Conn {
	ready := make(chan struct{}, 100)
	connection, _, err := zk.Connect([]string{server}, SessionTimeout,
		zk.WithLogger(silence{}), zk.WithLogInfo(false), zk.WithEventCallback(func(event zk.Event) {
			if event.State == zk.StateHasSession {
				select {
				case ready <- struct{}{}:
				default:
				}
			}
		}))
	Must(err, "zk.Connect")
	select {
	case <-ready:
	case <-time.After(Deadline):
		Must(fmt.Errorf("no session after %v", Deadline), "zk.Connect")
	}
	return connection
}

// Main runs the group of checks that the command line names and ends the program.
func Main(groups map[string]func(server string)) {
	if len(os.Args) != 3 || groups[os.Args[2]] == nil {
		fmt.Fprintln(os.Stderr, "usage: program HOST:PORT GROUP")
		os.Exit(2)
	}
	groups[os.Args[2]](os.Args[1])
	if failed > 0 {
		os.Exit(1)
	}
}
