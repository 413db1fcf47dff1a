#include "server/state/acl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace topod::state {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<AuthId> kNobody = {{"ip", "10.1.2.3"}};

Acl one(int32_t perms, std::string_view scheme, std::string_view id) {
  return {{perms, std::string(scheme), std::string(id)}};
}

// ---- what a list grants ---------------------------------------------------------------------

TEST(Acl, AnyoneIsGrantedTheNamedBitsAndNoOthers) {
  const Acl acl = world_acl(kPermRead | kPermAdmin);
  EXPECT_TRUE(permits(acl, kPermRead, kNobody));
  EXPECT_TRUE(permits(acl, kPermWrite | kPermAdmin, kNobody));
  EXPECT_FALSE(permits(acl, kPermWrite, kNobody));
  EXPECT_TRUE(permits_anyone(acl, kPermRead));
  EXPECT_FALSE(permits_anyone(acl, kPermWrite));
}

TEST(Acl, EmptyListGrantsEverything) {
  EXPECT_TRUE(permits({}, kPermAdmin, {}));
  EXPECT_TRUE(permits_anyone({}, kPermAdmin));
}

TEST(Acl, SuperIsGrantedEverything) {
  const std::vector<AuthId> ids = {{"ip", "10.1.2.3"}, {"super", ""}};
  EXPECT_TRUE(permits(one(0, "digest", "u:h"), kPermAdmin, ids));
}

TEST(Acl, DigestAndOtherSchemesAreComparedWhole) {
  const std::vector<AuthId> ids = {{"digest", "u:h"}, {"sasl", "joe"}};
  EXPECT_TRUE(permits(one(kPermAll, "digest", "u:h"), kPermRead, ids));
  EXPECT_FALSE(permits(one(kPermAll, "digest", "u:H"), kPermRead, ids));
  EXPECT_FALSE(permits(one(kPermAll, "digest", "joe"), kPermRead, ids));
  EXPECT_TRUE(permits(one(kPermAll, "sasl", "joe"), kPermRead, ids));
  EXPECT_FALSE(permits(one(kPermAll, "x509", "joe"), kPermRead, ids));
  EXPECT_FALSE(permits(one(kPermAll, "digest", "u:h"), kPermRead, kNobody));
}

TEST(Acl, AddressesMatchByPrefix) {
  const auto matches = [](std::string_view range, std::string_view address) {
    const std::vector<AuthId> ids = {{"ip", std::string(address)}};
    return permits(one(kPermAll, "ip", range), kPermRead, ids);
  };
  EXPECT_TRUE(matches("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(matches("10.1.2.3", "10.1.2.4"));
  EXPECT_TRUE(matches("10.1.0.0/16", "10.1.255.3"));
  EXPECT_FALSE(matches("10.1.0.0/16", "10.2.0.0"));
  EXPECT_TRUE(matches("10.1.2.4/30", "10.1.2.7"));
  EXPECT_FALSE(matches("10.1.2.4/30", "10.1.2.8"));
  EXPECT_TRUE(matches("10.1.2.3/0", "192.168.0.1"));
  EXPECT_FALSE(matches("0.0.0.0/0", "::1"));
  EXPECT_TRUE(matches("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(matches("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_FALSE(matches("10.1.2.3", "not an address"));
}

// ---- what is stored for a list that a client sent -------------------------------------------

TEST(Acl, EmptyAndMalformedListsAreInvalid) {
  const auto error_of = [](const std::vector<AclEntry>& requested) {
    const auto acl = normalise_acl(requested, kNobody);
    return acl ? ErrorCode::kOk : acl.error();
  };
  EXPECT_EQ(error_of({}), ErrorCode::kInvalidAcl);
  const std::vector<AclEntry> bad = {{31, std::nullopt, "x"},
                                     {31, "world", std::nullopt},
                                     {31, "world", "everyone"},
                                     {31, "auth", ""},
                                     {31, "super", ""},
                                     {31, "digest", "no colon"},
                                     {31, "digest", "a:b:c"},
                                     {31, "digest", "a:"},
                                     {31, "digest", std::nullopt},
                                     {31, "ip", "1.2.3"},
                                     {31, "ip", "1.2.3.4/33"},
                                     {31, "ip", "1.2.3.4/"},
                                     {31, "ip", "1.2.3.4/-1"},
                                     {31, "ip", "1.2.3.4/8x"},
                                     {31, "ip", ""},
                                     {31, "ip", std::nullopt},
                                     {31, "sasl", ""},
                                     {31, "x509", std::nullopt},
                                     {31, "World", "anyone"},
                                     {31, "unknown", "x"}};
  for (const AclEntry& entry : bad) {
    EXPECT_EQ(error_of({entry}), ErrorCode::kInvalidAcl)
        << entry.scheme.value_or("(null)") << ":" << entry.id.value_or("(null)");
    EXPECT_EQ(error_of({{31, "world", "anyone"}, entry}), ErrorCode::kInvalidAcl);
  }
  const std::vector<AclEntry> good = {
      {31, "world", "anyone"}, {0, "world", "anyone"}, {31, "digest", "u:h"},
      {31, "digest", ":h"},    {31, "ip", "1.2.3.4"},  {31, "ip", "1.2.3.4/32"},
      {31, "ip", "::1/128"},   {31, "sasl", "joe"},    {-1, "x509", "CN=joe"}};
  for (const AclEntry& entry : good) {
    EXPECT_EQ(error_of({entry}), ErrorCode::kOk) << *entry.scheme << ":" << *entry.id;
  }
}

TEST(Acl, DuplicatesAreRemovedAndOrderIsKept) {
  const std::vector<AclEntry> requested = {{1, "digest", "b:b"},
                                           {31, "world", "anyone"},
                                           {1, "digest", "b:b"},
                                           {2, "digest", "b:b"},
                                           {31, "world", "anyone"}};
  EXPECT_EQ(normalise_acl(requested, kNobody).value(),
            (Acl{{1, "digest", "b:b"}, {31, "world", "anyone"}, {2, "digest", "b:b"}}));
}

TEST(Acl, AuthBecomesTheIdsThatAuthenticate) {
  const std::vector<AuthId> ids = {
      {"ip", "10.1.2.3"}, {"digest", "u:h"}, {"super", ""}, {"sasl", "joe"}};
  const std::vector<AclEntry> requested = {{3, "auth", std::nullopt}, {1, "world", "anyone"}};
  EXPECT_EQ(normalise_acl(requested, ids).value(),
            (Acl{{3, "digest", "u:h"}, {3, "sasl", "joe"}, {1, "world", "anyone"}}));
}

TEST(Acl, ShortRequestCannotMakeAListWithoutBounds) {
  std::vector<AuthId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back({"digest", std::to_string(i) + ":hash"});
  std::vector<AclEntry> requested;
  for (int32_t i = 0; i < 100; ++i) requested.push_back({i, "auth", ""});
  EXPECT_EQ(normalise_acl(requested, ids).error(), ErrorCode::kInvalidAcl);
}

TEST(Acl, HashesAreMasked) {
  EXPECT_EQ(masked_id({31, "digest", "user:hash"}), "user:x");
  EXPECT_EQ(masked_id({31, "digest", ":hash"}), ":x");
  EXPECT_EQ(masked_id({31, "sasl", "user:realm"}), "user:realm");
}

TEST(Acl, SerializedListIsReadBack) {
  const Acl acl = {{31, "world", "anyone"}, {-1, "digest", std::string("a\0:b", 4)}};
  const std::string bytes = serialize_acl(acl);
  EXPECT_EQ(parse_acl(bytes).value(), acl);
  EXPECT_EQ(parse_acl(serialize_acl({})).value(), Acl{});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_acl(bytes.substr(0, size))) << size;
  }
  EXPECT_FALSE(parse_acl(bytes + "x"));
}

// ---- the table ------------------------------------------------------------------------------

TEST(AclTable, EqualListsHaveOneId) {
  AclTable table;
  bool added = false;
  const AclId open = table.acquire(world_acl(kPermAll), added);
  EXPECT_TRUE(added);
  EXPECT_EQ(table.acquire(world_acl(kPermAll), added), open);
  EXPECT_FALSE(added);
  EXPECT_NE(table.acquire(world_acl(kPermRead), added), open);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.get(open), world_acl(kPermAll));
}

TEST(AclTable, ListStaysReadableUntilItIsPurged) {
  AclTable table;
  bool added = false;
  const AclId id = table.acquire(world_acl(kPermAll), added);
  table.acquire(id);
  table.release(id);
  EXPECT_THAT(table.purge_unreferenced(), IsEmpty());
  table.release(id);
  EXPECT_EQ(table.get(id), world_acl(kPermAll));
  EXPECT_THAT(table.purge_unreferenced(), ElementsAre(std::pair(id, world_acl(kPermAll))));
  EXPECT_EQ(table.find(id), nullptr);
  EXPECT_NE(table.acquire(world_acl(kPermAll), added), id);
  EXPECT_TRUE(added);
}

TEST(AclTable, ListThatIsWantedAgainBeforeThePurgeStays) {
  AclTable table;
  bool added = false;
  const AclId id = table.acquire(world_acl(kPermAll), added);
  table.release(id);
  EXPECT_EQ(table.acquire(world_acl(kPermAll), added), id);
  EXPECT_THAT(table.purge_unreferenced(), IsEmpty());
  EXPECT_NE(table.find(id), nullptr);
}

TEST(AclTable, RestoredListsKeepTheirIdsAndAreFoundByContent) {
  AclTable table;
  ASSERT_TRUE(table.restore(AclId(7), world_acl(kPermAll)));
  ASSERT_TRUE(table.restore(AclId(9), world_acl(kPermRead)));
  EXPECT_FALSE(table.restore(AclId(9), world_acl(kPermWrite)));
  EXPECT_FALSE(table.restore(AclId(10), world_acl(kPermRead)));
  EXPECT_FALSE(table.restore(AclId(0), world_acl(kPermAdmin)));
  table.set_counter(12);
  bool added = false;
  EXPECT_EQ(table.acquire(world_acl(kPermAll), added), AclId(7));
  EXPECT_EQ(table.acquire(world_acl(kPermCreate), added), AclId(13));
  // Nobody has referred to the other one.
  EXPECT_THAT(table.purge_unreferenced(), ElementsAre(std::pair(AclId(9), world_acl(kPermRead))));
}

}  // namespace
}  // namespace topod::state
