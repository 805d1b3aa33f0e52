#include "tls-workers/transport/trust_store.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "tls-workers/transport/tls_context.h"

namespace transport {
namespace {

namespace fs = std::filesystem;

/// What the environment says, or else OpenSSL's build.
std::string place(const char* variable, const char* otherwise) {
  const char* set = std::getenv(variable);
  return set != nullptr ? set : otherwise;
}

/// "<hash of the subject>.<number>", as `openssl rehash` names certificates; ".r<number>" are
/// revocation lists.
bool is_hashed_certificate(const fs::path& file) {
  const std::string name = file.filename().string();
  constexpr size_t kHashSize = 8;
  return name.size() > kHashSize + 1 && name[kHashSize] == '.' &&
         name.find_first_not_of("0123456789abcdef") == kHashSize &&
         name.find_first_not_of("0123456789", kHashSize + 1) == std::string::npos;
}

/// The files in which OpenSSL would look for the system's certificates.
std::vector<std::string> system_files() {
  std::vector<std::string> files;
  std::error_code ignored;
  const std::string bundle = place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  if (fs::is_regular_file(bundle, ignored)) files.push_back(bundle);
  std::istringstream folders(place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
  for (std::string folder; std::getline(folders, folder, ':');) {
    for (const auto& file : fs::directory_iterator(folder, ignored)) {
      if (is_hashed_certificate(file.path())) files.push_back(file.path().string());
    }
  }
  // A folder has no order, and the digest must not change with it.
  std::sort(files.begin(), files.end());
  return files;
}

std::string digest_of(X509_STORE* store) {
  std::string all;
  const STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(store);
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    const X509* certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (certificate != nullptr) (void)X509_digest(certificate, EVP_sha256(), digest.data(), &size);
    all.append(digest.begin(), digest.begin() + size);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  (void)EVP_Digest(all.data(), all.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {digest.begin(), digest.begin() + size};
}

bool load_system(X509_STORE* store) {
  unsigned loaded = 0;
  for (const std::string& file : system_files()) {
    if (X509_STORE_load_file(store, file.c_str()) == 1) ++loaded;
  }
  return loaded > 0;
}

}  // namespace

std::string load_trust(X509_STORE* store, const std::string& path) {
  const bool loaded =
      path.empty() ? load_system(store) : X509_STORE_load_file(store, path.c_str()) == 1;
  ERR_clear_error();
  return loaded ? digest_of(store) : "";
}

}  // namespace transport
