// Command program HOST:PORT GROUP works on a server as Vitess does on its topology: records of
// cells, keyspaces, shards and tablets; locks of directories; elections; watches.
package main

import "../../go_client/tap"

func main() {
	tap.Main(map[string]func(string){
		"elections": checkElections,
		"locks":     checkLocks,
		"records":   checkRecords,
		"restart":   checkRestart,
		"watches":   checkWatches,
	})
}

// open gives a topology of its own connection.
func open(server, root string) *topology {
	return &topology{tap.Connect(server), root}
}

func (t *topology) close() { t.connection.Close() }
