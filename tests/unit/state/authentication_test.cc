#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/state/acl.h"

namespace topod::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The example of ZooKeeper's own documentation of the super user.
constexpr std::string_view kSuperDigest = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=";

AuthenticationConfig config_with_super() {
  AuthenticationConfig config;
  config.super_digest = kSuperDigest;
  return config;
}

TEST(Authentication, DigestIdIsUserAndHashOfTheWholeText) {
  EXPECT_EQ(digest_id("u:p", "SHA1"), "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=");
  EXPECT_EQ(digest_id("super:admin", "SHA1"), kSuperDigest);
}

TEST(Authentication, UserEndsAtTheFirstColon) {
  EXPECT_THAT(digest_id("u:p:q", "SHA1"), ::testing::StartsWith("u:"));
  EXPECT_NE(digest_id("u:p:q", "SHA1"), digest_id("u:p", "SHA1"));
}

TEST(Authentication, TextWithoutColonIsAllUser) {
  EXPECT_EQ(digest_id("abc", "SHA1"), "abc:qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
}

TEST(Authentication, EmptyTextHasAnIdToo) {
  EXPECT_EQ(digest_id("", "SHA1"), ":2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
}

TEST(Authentication, AlgorithmNamesOfJavaAreUnderstood) {
  for (const char* name : {"SHA1", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"}) {
    EXPECT_THAT(digest_id("u:p", name), ::testing::StartsWith("u:")) << name;
  }
  EXPECT_EQ(digest_id("u:p", "SHA-256"), "u:/Y8xRBngpX5duYn15uUqIRaIaCviy5TEwSk419hCwuA=");
}

TEST(Authentication, DigestAddsOneId) {
  const auto ids = authenticate("digest", "u:p", {});
  ASSERT_TRUE(ids);
  EXPECT_THAT(*ids, ElementsAre(AuthId{"digest", "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="}));
}

TEST(Authentication, SuperHasItsDigestIdAndTheSuperId) {
  const auto ids = authenticate("digest", "super:admin", config_with_super());
  ASSERT_TRUE(ids);
  EXPECT_THAT(*ids, ElementsAre(AuthId{"digest", std::string(kSuperDigest)}, AuthId{"super", ""}));
}

TEST(Authentication, NobodyIsSuperUnlessConfigured) {
  const auto ids = authenticate("digest", "super:admin", {});
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->size(), 1U);
}

TEST(Authentication, OtherPasswordOfSuperIsAnOrdinaryId) {
  const auto ids = authenticate("digest", "super:guess", config_with_super());
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->size(), 1U);
}

TEST(Authentication, AddressSchemeSucceedsAndAddsNothing) {
  const auto ids = authenticate("ip", std::nullopt, {});
  ASSERT_TRUE(ids);
  EXPECT_THAT(*ids, IsEmpty());
}

TEST(Authentication, SchemesThatProveNothingAreRefused) {
  for (const char* scheme : {"world", "auth", "super", "sasl", "x509", "ensemble", "", "Digest"}) {
    const auto ids = authenticate(scheme, "u:p", config_with_super());
    ASSERT_FALSE(ids) << scheme;
    EXPECT_EQ(ids.error(), ErrorCode::kAuthFailed);
  }
  EXPECT_FALSE(authenticate(std::nullopt, "u:p", {}));
}

TEST(Authentication, DigestWithoutDataIsRefused) {
  EXPECT_FALSE(authenticate("digest", std::nullopt, {}));
  EXPECT_TRUE(authenticate("digest", "", {}));
}

TEST(Authentication, DigestThatIsSwitchedOffIsRefused) {
  AuthenticationConfig config = config_with_super();
  config.digest_enabled = false;
  EXPECT_FALSE(authenticate("digest", "u:p", config));
  EXPECT_FALSE(authenticate("digest", "super:admin", config));
}

}  // namespace
}  // namespace topod::state
