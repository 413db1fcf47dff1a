// What Vitess wrote, decoded and encoded again; what it may write one day.
#include "tools/ctl/record.h"

#include <gtest/gtest.h>

#include <string>

#include "tools/ctl/text.h"

namespace topod::ctl {
namespace {

std::string bytes_of(const char* base64) { return *from_base64(base64); }

Json decoded(RecordType type, const std::string& bytes) {
  const auto json = decode_record(type, bytes);
  EXPECT_TRUE(json) << (json ? "" : json.error());
  return json ? *json : Json();
}

// Written by Vitess itself.
const std::string kTablet = bytes_of(
    "CgkKBXpvbmUxEGQSD2hvc3QxMDAuZXhhbXBsZSIJCgRncnBjEOR9IgcKAnZ0EPx1Kghjb21tZXJjZTIBMEACUgoKBHJhY2"
    "sSAnIxaOoZ");
const std::string kShard =
    bytes_of("EgMSAYAiGggHEghjb21tZXJjZRoBMCIDEgGAKgF4KgF5Mg8IAxIFem9uZTEiAWEiAWI4AQ==");

TEST(Record, IsKnownByTheLastComponentOfItsPath) {
  EXPECT_EQ(record_type_of("/vitess/global/cells/zone1/CellInfo"), "CellInfo");
  EXPECT_EQ(record_type_of("/any/root/keyspaces/ks/shards/-80/Shard"), "Shard");
  EXPECT_EQ(record_type_of("/g/ExternalClusters/vitess/other"), "ExternalVitessCluster");
  EXPECT_EQ(record_type_of("/g/keyspaces/ks/locks/0000000001"), std::nullopt);
  EXPECT_EQ(record_type_of("/g/metadata/Shardy"), std::nullopt);
}

TEST(Record, OfATabletIsDecodedWithMapsAndEnumerations) {
  const Json json = decoded("Tablet", kTablet);
  EXPECT_EQ(json["alias"], Json({{"cell", "zone1"}, {"uid", 100}}));
  EXPECT_EQ(json["hostname"], "host100.example");
  EXPECT_EQ(json["port_map"], Json({{"grpc", 16100}, {"vt", 15100}}));
  EXPECT_EQ(json["type"], "REPLICA");
  EXPECT_EQ(json["tags"], Json({{"rack", "r1"}}));
  EXPECT_EQ(json["mysql_port"], 3306);
  EXPECT_FALSE(has_unknown_fields(json));
}

TEST(Record, ShowsBoundsOfKeyRangesAsShardNamesDo) {
  const Json json = decoded("Shard", kShard);
  EXPECT_EQ(json["key_range"], Json({{"end", "80"}}));
  EXPECT_EQ(json["tablet_controls"][0]["denied_tables"], Json({"a", "b"}));
  EXPECT_EQ(json["is_primary_serving"], true);
}

TEST(Record, IsTheSameBytesAfterDecodingAndEncoding) {
  for (const auto& [type, bytes] : {std::pair{"Tablet", kTablet}, std::pair{"Shard", kShard}}) {
    const auto again = encode_record(type, decoded(type, bytes));
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(to_hex(*again), to_hex(bytes));
  }
}

TEST(Record, OfNoBytesIsValidAndEmpty) {
  EXPECT_EQ(decoded("Keyspace", ""), Json::object());
  EXPECT_EQ(encode_record("Keyspace", Json::object()), "");
}

TEST(Record, KeepsFieldsOfLaterVersions) {
  // Fields 90 (number), 91 (text) and 92 (bytes) stand behind what is known.
  std::string bytes = kShard;
  bytes += *from_hex("d0052a");
  bytes += *from_hex("da0503") + "new";
  bytes += *from_hex("e20502") + *from_hex("ff00");
  const Json json = decoded("Shard", bytes);
  EXPECT_TRUE(has_unknown_fields(json));
  EXPECT_EQ(json["@unknown"], Json::parse(R"([{"field": 90, "varint": 42},
                                              {"field": 91, "text": "new"},
                                              {"field": 92, "hex": "ff00"}])"));
  EXPECT_EQ(to_hex(*encode_record("Shard", json)), to_hex(bytes));
}

TEST(Record, IsReadUnderItsOlderNames) {
  const auto older = encode_record("Shard", Json::parse(R"({"is_master_serving": true,
                                       "master_alias": {"cell": "z", "uid": 7}})"));
  const auto newer = encode_record("Shard", Json::parse(R"({"is_primary_serving": true,
                                       "primary_alias": {"cell": "z", "uid": 7}})"));
  ASSERT_TRUE(older) << older.error();
  EXPECT_EQ(*older, *newer);
  EXPECT_EQ(*encode_record("Tablet", Json::parse(R"({"type": "MASTER"})")),
            *encode_record("Tablet", Json::parse(R"({"type": "PRIMARY"})")));
}

TEST(Record, OfATimeIsRfc3339) {
  const std::string text = R"({"primary_term_start_time":"2026-11-23T06:39:12.295067319Z"})";
  const auto bytes = encode_record("Tablet", Json::parse(text));
  ASSERT_TRUE(bytes) << bytes.error();
  EXPECT_EQ(decoded("Tablet", *bytes).dump(), text);
}

TEST(Record, ThatDoesNotFitIsRefusedWithItsField) {
  const auto refused = [](RecordType type, const char* json) {
    const auto bytes = encode_record(type, Json::parse(json));
    return bytes ? "" : bytes.error();
  };
  EXPECT_EQ(refused("Tablet", R"({"hostnme": "h"})"), "Tablet: there is no field hostnme");
  EXPECT_EQ(refused("Tablet", R"({"hostname": 7})"), "Tablet: hostname must be a string");
  EXPECT_EQ(refused("Tablet", R"({"alias": {"uid": -1}})"),
            "Tablet: alias: uid must be a whole number of its range");
  EXPECT_EQ(refused("Shard", R"({"key_range": {"end": "8"}})"),
            "Shard: key_range: end must be hex");
  EXPECT_EQ(refused("Tablet", "[]"), "Tablet: an object is expected");
}

TEST(Record, WithDamagedBytesIsNone) {
  EXPECT_FALSE(decode_record("Tablet", "\xff\xff\xff"));
  EXPECT_FALSE(decode_record("Tablet", kTablet.substr(0, kTablet.size() - 1)));
}

}  // namespace
}  // namespace topod::ctl
