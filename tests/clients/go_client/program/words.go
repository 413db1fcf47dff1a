package main

import (
	"time"

	"../tap"
	"github.com/samuel/go-zookeeper/zk"
)

// The client's patterns are those of ZooKeeper 3.4. Later servers have a fraction in the average
// latency, so that srvr does not fit; and cons tells of the asking connection too, which has no
// session, so that this one line does not fit. What they must do still is to answer at once.
func checkWords(server string) {
	connection := tap.Connect(server)
	defer connection.Close()
	makeNode(connection, "/go-words", "")
	servers := []string{server}
	tap.Equal([]bool{true}, zk.FLWRuok(servers, 5*time.Second), "FLWRuok")

	stats, _ := zk.FLWSrvr(servers, 5*time.Second)
	tap.Equal(1, len(stats), "the number of FLWSrvr's answers")
	if stats[0].Error == nil {
		tap.Equal(zk.ModeStandalone, stats[0].Mode, "the mode")
	} else {
		tap.Equal("unable to parse fields from zookeeper response (no regex matches)",
			stats[0].Error.Error(), "FLWSrvr's complaint")
	}

	clients, _ := zk.FLWCons(servers, 5*time.Second)
	tap.Equal(1, len(clients), "the number of FLWCons's answers")
	own := (*zk.ServerClient)(nil)
	for _, client := range clients[0].Clients {
		if client.SessionID == connection.SessionID() {
			own = client
		}
	}
	tap.Check(own != nil, "FLWCons knows our session")
	if own != nil {
		tap.Check(own.Received >= 2 && own.Sent >= 2, "its packets are counted: %+v", *own)
		tap.Equal("CREA", own.LastOperation, "its last operation")
		tap.Equal(int32(tap.SessionTimeout/time.Millisecond), own.Timeout, "its timeout")
		tap.Equal(int64(1), own.Lcxid, "its last request's number")
		tap.Check(own.Lzxid > 0, "its last zxid is %#x", own.Lzxid)
		tap.Check(own.MinLatency <= own.AvgLatency && own.AvgLatency <= own.MaxLatency,
			"its latencies are in order")
	}
}
