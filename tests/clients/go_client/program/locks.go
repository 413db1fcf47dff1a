package main

import (
	"sync"
	"sync/atomic"

	"../tap"
	"github.com/samuel/go-zookeeper/zk"
)

func checkLocks(server string) {
	first := tap.Connect(server)
	second := tap.Connect(server)
	defer first.Close()
	defer second.Close()
	lock := zk.NewLock(first, "/go-locks/deep/lock", openACL)
	tap.Error(zk.ErrNotLocked, lock.Unlock(), "Unlock of a free lock")
	tap.Within("Lock, parents missing", lock.Lock)
	tap.Error(zk.ErrDeadlock, lock.Lock(), "Lock twice")
	checkWaiting(lock, zk.NewLock(second, "/go-locks/deep/lock", openACL))
	checkContention(first, second)
	checkDeadHolder(server, second)
}

func checkWaiting(held, wanted *zk.Lock) {
	acquired := make(chan error, 1)
	go func() { acquired <- wanted.Lock() }()
	select {
	case <-acquired:
		tap.Check(false, "a held lock was given to another")
		return
	default:
	}
	tap.Error(nil, held.Unlock(), "Unlock")
	tap.Within("the waiting Lock", func() error { return <-acquired })
	tap.Error(nil, wanted.Unlock(), "Unlock")
}

func checkContention(first, second *zk.Conn) {
	const workers, rounds = 6, 5
	var holders, meetings, turns int32
	var group sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		connection := first
		if worker%2 == 1 {
			connection = second
		}
		group.Add(1)
		go func() {
			defer group.Done()
			for round := 0; round < rounds; round++ {
				lock := zk.NewLock(connection, "/go-locks/busy", openACL)
				if lock.Lock() != nil {
					return
				}
				if atomic.AddInt32(&holders, 1) != 1 {
					atomic.AddInt32(&meetings, 1)
				}
				atomic.AddInt32(&turns, 1)
				atomic.AddInt32(&holders, -1)
				if lock.Unlock() != nil {
					return
				}
			}
		}()
	}
	tap.Within("a contended lock", func() error { group.Wait(); return nil })
	tap.Equal(int32(workers*rounds), atomic.LoadInt32(&turns), "the number of turns")
	tap.Equal(int32(0), atomic.LoadInt32(&meetings), "the number of meetings")
}

func checkDeadHolder(server string, waiting *zk.Conn) {
	dying := tap.Connect(server)
	tap.Within("Lock by a client", zk.NewLock(dying, "/go-locks/left", openACL).Lock)
	dying.Close()
	tap.Within("Lock by another once that one has closed",
		zk.NewLock(waiting, "/go-locks/left", openACL).Lock)
}
