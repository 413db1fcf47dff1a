package main

import (
	"errors"
	"fmt"
	"net"
	"path"
	"sync/atomic"
	"time"

	"../../go_client/tap"
	"github.com/samuel/go-zookeeper/zk"
)

const keyspace = "keyspaces/customer"

func checkLocks(server string) {
	first := open(server, "/vitess/locks")
	second := open(server, "/vitess/locks")
	defer first.close()
	defer second.close()
	_, err := first.create(keyspace+"/Keyspace", nil)
	tap.Must(err, "create")
	checkNumbers(first)
	checkOrder(first, second)
	checkGivingUp(first, second)
	checkTrying(first, second)
	checkNamedLocks(first)
	checkVanishedHolder(server, second)
}

// The queue is deleted when it becomes empty; its successor counts from zero again.
func checkNumbers(first *topology) {
	for round := 0; round < 2; round++ {
		lock, err := first.lock(keyspace)
		tap.Must(err, "lock")
		tap.Equal(first.path(keyspace+"/locks/0000000000"), lock.node, "the first ticket")
		next, err := first.enter(keyspace+"/locks", "{}")
		tap.Must(err, "enter")
		tap.Equal("0000000001", path.Base(next.node), "the second ticket")
		acl, stat, err := first.connection.GetACL(lock.node)
		tap.Check(err == nil && acl[0].Perms == 19 &&
			stat.EphemeralOwner == first.connection.SessionID(), "a ticket's ACL and owner")
		tap.Error(nil, next.leave(), "leave")
		tap.Error(nil, lock.leave(), "leave, the last")
		_, err = first.list(keyspace + "/locks")
		tap.Error(zk.ErrNoNode, err, "the empty queue is gone")
	}
}

// Tickets are served in the order in which they were taken, whatever the connection.
func checkOrder(first, second *topology) {
	const waiters = 8
	holder, err := first.lock(keyspace)
	tap.Must(err, "lock")
	served := make(chan int, waiters)
	for waiter := 0; waiter < waiters; waiter++ {
		who := []*topology{first, second}[waiter%2]
		queued, err := who.enter(keyspace+"/locks", "{}")
		tap.Must(err, "enter")
		go func(waiter int) {
			err := queued.wait(nil)
			served <- waiter
			if err == nil {
				err = queued.leave()
			}
			if err != nil {
				tap.Check(false, "a waiter: %v", err)
			}
		}(waiter)
		tap.Within("waiting in the queue", func() error { <-queued.waits; return nil })
	}
	tap.Equal(0, len(served), "the number of waiters served while the lock is held")
	tap.Error(nil, holder.leave(), "leave")
	for waiter := 0; waiter < waiters; waiter++ {
		select {
		case next := <-served:
			tap.Equal(waiter, next, "the next waiter served")
		case <-time.After(tap.Deadline):
			tap.Check(false, "waiter %d is not served", waiter)
		}
	}
}

// A waiter that gives up leaves the queue; who waited behind it goes on waiting for the holder.
func checkGivingUp(first, second *topology) {
	holder, err := first.lock(keyspace)
	tap.Must(err, "lock")
	impatient, err := second.enter(keyspace+"/locks", "{}")
	tap.Must(err, "enter")
	giveUp, result := make(chan struct{}), make(chan error, 1)
	go func() { result <- impatient.wait(giveUp) }()
	behind, err := second.enter(keyspace+"/locks", "{}")
	tap.Must(err, "enter")
	waited := make(chan error, 1)
	go func() { waited <- behind.wait(nil) }()
	tap.Within("waiting in the queue", func() error { <-impatient.waits; <-behind.waits; return nil })
	close(giveUp)
	tap.Within("giving up", func() error {
		if err := <-result; err != errGivenUp {
			return fmt.Errorf("unexpected: %v", err)
		}
		return nil
	})
	blocker, err := second.blocking(keyspace)
	tap.Check(err == nil && blocker == lockContents, "who gave up reads who blocks it: %v", err)
	names, _, err := first.connection.Children(first.path(keyspace + "/locks"))
	tap.Check(err == nil && len(names) == 2, "two are left in the queue: %v", names)
	tap.Equal(0, len(waited), "the number served meanwhile")
	tap.Error(nil, holder.leave(), "leave")
	tap.Within("the turn of the last", func() error { return <-waited })
	tap.Error(nil, behind.leave(), "leave")
}

// Who only tries looks whether the directory has a queue with somebody in it.
func checkTrying(first, second *topology) {
	isLocked := func() bool {
		entries, err := second.list(keyspace)
		tap.Error(nil, err, "list")
		for _, found := range entries {
			if found.name == "locks" && found.isDirectory {
				return true
			}
		}
		return false
	}
	tap.Check(!isLocked(), "a free directory")
	lock, err := first.lock(keyspace)
	tap.Must(err, "lock")
	tap.Check(isLocked(), "a locked directory")
	tap.Error(nil, lock.leave(), "leave")
	tap.Check(!isLocked(), "a freed directory")
}

// A name that is no directory: all of the way to its queue is made, and is gone afterwards.
func checkNamedLocks(first *topology) {
	const name = "internal/named_locks/customer/workflow"
	for _, node := range []string{"internal", "internal/named_locks"} {
		exists, _, err := first.connection.Exists(first.path(node))
		tap.Check(err == nil && !exists, "%s is not there yet", node)
	}
	lock, err := first.lock(name)
	tap.Must(err, "lock")
	tap.Equal(first.path(name+"/locks/0000000000"), lock.node, "the ticket")
	acl, _, err := first.connection.GetACL(first.path(name + "/locks"))
	tap.Check(err == nil && acl[0].Perms == 31, "the queue is open to all: %v", acl)
	tap.Error(zk.ErrNotEmpty, first.connection.Delete(first.path(name+"/locks"), anyVersion),
		"a queue in which somebody stands")
	tap.Error(nil, lock.leave(), "leave")
	exists, _, err := first.connection.Exists(first.path("internal"))
	tap.Check(err == nil && !exists, "nothing of the way is left")
}

// A process that dies without closing its session keeps the lock until the session ends.
func checkVanishedHolder(server string, waiting *topology) {
	const shortest = 4 * time.Second
	var gone int32
	opened := make(chan net.Conn, 1)
	connection, _, err := zk.Connect([]string{server}, shortest, zk.WithLogger(silence{}),
		zk.WithDialer(func(network, address string, timeout time.Duration) (net.Conn, error) {
			if atomic.LoadInt32(&gone) == 1 {
				return nil, errors.New("the process is gone")
			}
			socket, err := net.DialTimeout(network, address, timeout)
			opened <- socket
			return socket, err
		}))
	tap.Must(err, "Connect")
	_, err = (&topology{connection, waiting.root}).lock(keyspace)
	tap.Error(nil, err, "lock by a process that is about to die")
	atomic.StoreInt32(&gone, 1)
	(<-opened).Close()

	died := time.Now()
	tap.Within("its successor's lock", func() error {
		lock, err := waiting.lock(keyspace)
		if err != nil {
			return err
		}
		return lock.leave()
	})
	// The last sign of life may be a little older than the death, and the server looks in steps.
	tap.Check(time.Since(died) > shortest/2, "it had to wait for the session's end")
}

type silence struct{}

func (silence) Printf(string, ...interface{}) {}
