package main

// sample is a small topology: two cells, a keyspace of one shard and one of two, six tablets. The
// contents are protocol buffer messages, as Vitess stores them; a keyspace may well be of no bytes.
var sample = map[string]string{
	"cells/east/CellInfo":            "\x0a\x0e10.1.0.1:21811\x12\x05/east",
	"cells/west/CellInfo":            "\x0a\x0e10.2.0.1:21811\x12\x05/west",
	"cells_aliases/coast/CellsAlias": "\x12\x04east\x12\x04west",
	"keyspaces/customer/Keyspace":    "",
	"keyspaces/customer/VSchema":     "\x08\x01",
	"keyspaces/customer/shards/-80/Shard": "\x0a\x08\x0a\x04east\x10\x65" +
		"\x12\x03\x12\x01\x80\x38\x01",
	"keyspaces/customer/shards/80-/Shard": "\x0a\x09\x0a\x04east\x10\xc9\x01" +
		"\x12\x03\x0a\x01\x80\x38\x01",
	"keyspaces/product/Keyspace":                     "\x0a\x00",
	"keyspaces/product/shards/0/Shard":               "\x38\x01",
	"tablets/east-0000000101/Tablet":                 tablet("east", 101, "customer", "-80"),
	"tablets/east-0000000102/Tablet":                 tablet("east", 102, "customer", "-80"),
	"tablets/east-0000000201/Tablet":                 tablet("east", 201, "customer", "80-"),
	"tablets/west-0000000103/Tablet":                 tablet("west", 103, "customer", "-80"),
	"tablets/west-0000000203/Tablet":                 tablet("west", 203, "customer", "80-"),
	"tablets/west-0000000301/Tablet":                 tablet("west", 301, "product", "0"),
	"SrvVSchema":                                     "\x0a\x0e\x0a\x08customer\x12\x02\x08\x01",
	"keyspaces/customer/SrvKeyspace":                 "\x0a\x08\x08\x01\x12\x04\x0a\x02-80",
	"keyspaces/customer/shards/-80/ShardReplication": "\x0a\x08\x0a\x06\x0a\x04east",
}

// tablet encodes an alias, a keyspace and a shard; the lengths stay below 128.
func tablet(cell string, number int, keyspace, shard string) string {
	field := func(tag byte, text string) string {
		return string([]byte{tag, byte(len(text))}) + text
	}
	varint := string([]byte{0x10, byte(number&0x7f | 0x80), byte(number >> 7)})
	return field(0x0a, field(0x0a, cell)+varint) + field(0x2a, keyspace) + field(0x32, shard)
}
