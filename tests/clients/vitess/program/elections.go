package main

import (
	"path"

	"../../go_client/tap"
	"github.com/samuel/go-zookeeper/zk"
)

const election = "elections/vtctld"

func checkElections(server string) {
	first := open(server, "/vitess/elections")
	second := open(server, "/vitess/elections")
	defer first.close()
	defer second.close()
	tap.Error(nil, first.makeDirectories(first.path(election)), "an election is opened")
	tap.Error(nil, second.makeDirectories(second.path(election)), "opened again")

	leading, err := first.enter(election, "host-1:15000")
	tap.Must(err, "enter")
	tap.Error(nil, leading.wait(nil), "the first leads")
	following, err := second.enter(election, "host-2:15000")
	tap.Must(err, "enter")
	elected := make(chan error, 1)
	go func() { elected <- following.wait(nil) }()
	checkLeader(second, "host-1:15000")

	// A leader watches its own proposal: whoever deletes it ends the leadership.
	data, stat, watch, err := first.connection.GetW(leading.node)
	tap.Check(err == nil && string(data) == "host-1:15000", "the leader reads its proposal: %v", err)
	tap.Error(zk.ErrBadVersion, second.connection.Delete(leading.node, 5), "a wrong version")
	tap.Error(nil, second.connection.Delete(leading.node, stat.Version), "the leader is deposed")
	tap.Event(watch, zk.EventNodeDeleted, leading.node, "the leader is told")
	tap.Within("the next leads", func() error { return <-elected })
	checkLeader(first, "host-2:15000")

	again, err := first.enter(election, "host-1:15000")
	tap.Must(err, "enter")
	tap.Check(path.Base(again.node) == "0000000002", "numbers go on while the election is open")
	go func() { elected <- again.wait(nil) }()
	entries, err := first.list("")
	tap.Check(err == nil && len(entries) == 1 && entries[0] == entry{"elections", true, true},
		"the root's directory of elections: %v", entries)

	second.close()
	tap.Within("the next leads when the leader has closed its session",
		func() error { return <-elected })
	second.connection = tap.Connect(server)
	checkLeader(second, "host-1:15000")
	checkStop(first, again)
}

// Who stops leading takes its proposal back, at the version that it has read.
func checkStop(leader *topology, leading *ticket) {
	_, stat, watch, err := leader.connection.GetW(leading.node)
	tap.Must(err, "GetW")
	tap.Error(nil, leader.connection.Delete(leading.node, stat.Version), "stop")
	tap.Event(watch, zk.EventNodeDeleted, leading.node, "the leader's own watch")
	name, err := leader.leader(election)
	tap.Check(err == nil && name == "", "nobody leads: %q %v", name, err)
}

func checkLeader(seen *topology, wanted string) {
	name, err := seen.leader(election)
	tap.Error(nil, err, "who leads")
	tap.Equal(wanted, name, "the leader")
}
