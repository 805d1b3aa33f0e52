#include "tests/tls-workers/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace tests {
namespace {

void require(bool good) {
  if (!good) std::abort();  // OpenSSL itself is not what is tested.
}

void set_names(X509* certificate, const X509_NAME* issuer, const std::string& subject) {
  X509_NAME* name = X509_get_subject_name(certificate);
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                     reinterpret_cast<const unsigned char*>(subject.c_str()), -1,
                                     -1, 0) == 1);
  require(X509_set_issuer_name(certificate, issuer != nullptr ? issuer : name) == 1);
}

void add_extension(X509* certificate, int id, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Identity begin(long not_before, long not_after) {
  Identity identity{Certificate(X509_new()), Key(EVP_EC_gen("P-256"))};
  X509* certificate = identity.certificate.get();
  uint32_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  require(X509_set_version(certificate, X509_VERSION_3) == 1);
  require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), not_before);
  X509_gmtime_adj(X509_getm_notAfter(certificate), not_after);
  require(X509_set_pubkey(certificate, identity.key.get()) == 1);
  return identity;
}

}  // namespace

Authority::Authority(const std::string& name) : self_(begin(-86400, 86400)) {
  X509* certificate = self_.certificate.get();
  set_names(certificate, nullptr, name);
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, NID_key_usage, "critical,keyCertSign");
  require(X509_sign(certificate, self_.key.get(), EVP_sha256()) > 0);

  std::string path = std::filesystem::temp_directory_path() / ("authority-" + std::string(6, 'X'));
  const int fd = mkstemp(path.data());
  require(fd >= 0);
  file_ = path;
  FILE* file = fdopen(fd, "w");
  require(PEM_write_X509(file, certificate) == 1);
  std::fclose(file);
}

Authority::~Authority() { std::filesystem::remove(file_); }

Identity Authority::issue(const Leaf& leaf) const {
  Identity identity = begin(leaf.not_before, leaf.not_after);
  X509* certificate = identity.certificate.get();
  set_names(certificate, X509_get_subject_name(self_.certificate.get()), leaf.common_name);
  if (!leaf.san.empty()) add_extension(certificate, NID_subject_alt_name, leaf.san);
  require(X509_sign(certificate, self_.key.get(), EVP_sha256()) > 0);
  return identity;
}

}  // namespace tests
