// What an auth request proves: the schemes that a client can authenticate by itself.
#include <array>
#include <memory>

#include <openssl/evp.h>

#include "proto/check.h"
#include "server/state/acl.h"

namespace topod::state {

namespace {

using Algorithm = std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)>;

std::string base64(std::string_view bytes) {
  // Four characters for three bytes, and the terminator that OpenSSL writes.
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::string hash(std::string_view bytes, const std::string& algorithm) {
  const Algorithm method(EVP_MD_fetch(nullptr, algorithm.c_str(), nullptr), &EVP_MD_free);
  CHECK_MSG(method != nullptr, "the configuration admits only known digest algorithms");
  std::array<unsigned char, EVP_MAX_MD_SIZE> result;
  unsigned int size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), result.data(), &size, method.get(), nullptr) == 1);
  return {reinterpret_cast<const char*>(result.data()), size};
}

}  // namespace

std::string digest_id(std::string_view user_password, const std::string& algorithm) {
  // All of the text is the user if there is no ':'.
  const std::string_view user = user_password.substr(0, user_password.find(':'));
  std::string id(user);
  id += ':';
  id += base64(hash(user_password, algorithm));
  return id;
}

tl::expected<std::vector<AuthId>, ErrorCode> authenticate(NullableBytes scheme, NullableBytes auth,
                                                          const AuthenticationConfig& config) {
  const auto refused = tl::make_unexpected(ErrorCode::kAuthFailed);
  if (!scheme) return refused;
  // The address is known without the client's help; asking for it succeeds and changes nothing.
  if (*scheme == kSchemeIp) return std::vector<AuthId>{};
  if (*scheme != kSchemeDigest || !config.digest_enabled || !auth) return refused;

  std::vector<AuthId> ids;
  ids.push_back({std::string(kSchemeDigest), digest_id(*auth, config.digest_algorithm)});
  if (!config.super_digest.empty() && ids.front().id == config.super_digest) {
    ids.push_back({std::string(kSchemeSuper), ""});
  }
  return ids;
}

}  // namespace topod::state
