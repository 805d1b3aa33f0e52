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

Key usual_key() { return Key(EVP_EC_gen("P-256")); }

Identity begin(Key key, long not_before, long not_after) {
  Identity identity{Certificate(X509_new()), std::move(key)};
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

/// A DNS name as it could not be written in a text.
void add_dns_name(GENERAL_NAMES* names, const std::string& octets) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  require(name != nullptr && value != nullptr);
  require(ASN1_STRING_set(value, octets.data(), static_cast<int>(octets.size())) == 1);
  GENERAL_NAME_set0_value(name, GEN_DNS, value);
  require(sk_GENERAL_NAME_push(names, name) > 0);
}

void add_octets_to_san(X509* certificate, const std::string& octets) {
  GENERAL_NAMES* names = sk_GENERAL_NAME_new_null();
  add_dns_name(names, octets);
  require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_REPLACE) == 1);
  GENERAL_NAMES_free(names);
}

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

std::string text_in(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<size_t>(size)};
}

}  // namespace

Identity issue(const Identity* issuer, const Leaf& leaf) {
  if (leaf.key != nullptr) EVP_PKEY_up_ref(leaf.key);
  Identity made =
      begin(leaf.key != nullptr ? Key(leaf.key) : usual_key(), leaf.not_before, leaf.not_after);
  X509* certificate = made.certificate.get();
  set_names(certificate,
            issuer != nullptr ? X509_get_subject_name(issuer->certificate.get()) : nullptr,
            leaf.common_name);
  const auto add = [&](int id, const std::string& value) {
    if (!value.empty()) add_extension(certificate, id, value);
  };
  add(NID_subject_alt_name, leaf.san);
  add(NID_basic_constraints, leaf.basic_constraints);
  add(NID_key_usage, leaf.key_usage);
  add(NID_ext_key_usage, leaf.extended_key_usage);
  if (!leaf.dns_name_octets.empty()) add_octets_to_san(certificate, leaf.dns_name_octets);
  EVP_PKEY* signer = (issuer != nullptr ? issuer->key : made.key).get();
  require(X509_sign(certificate, signer, leaf.digest) > 0);
  return made;
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_in(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_in(bio.get());
}

Authority::Authority(const std::string& name)
    : self_(tests::issue(nullptr, {.san = "",
                                   .common_name = name,
                                   .not_before = -86400,
                                   .not_after = 86400,
                                   .basic_constraints = "critical,CA:TRUE",
                                   .key_usage = "critical,keyCertSign"})) {
  std::string path = std::filesystem::temp_directory_path() / ("authority-" + std::string(6, 'X'));
  const int fd = mkstemp(path.data());
  require(fd >= 0);
  file_ = path;
  FILE* file = fdopen(fd, "w");
  require(PEM_write_X509(file, self_.certificate.get()) == 1);
  std::fclose(file);
}

Authority::~Authority() { std::filesystem::remove(file_); }

}  // namespace tests
