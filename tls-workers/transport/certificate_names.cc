#include "tls-workers/transport/certificate_names.h"

#include <openssl/x509v3.h>

#include <memory>

#include "dataplane/base/address.h"

namespace transport {
namespace {

constexpr int kNamesShown = 3;
constexpr int kOctetsShown = 80;

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string printable(const ASN1_STRING* string) {
  std::string text;
  const unsigned char* data = ASN1_STRING_get0_data(string);
  const int size = ASN1_STRING_length(string);
  for (int i = 0; i < size && i < kOctetsShown; ++i) {
    text += data[i] > 0x20 && data[i] < 0x7F && data[i] != '\'' ? static_cast<char>(data[i]) : '?';
  }
  return text;
}

std::string address_text(const ASN1_STRING* octets) {
  const auto* data = reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(octets));
  switch (ASN1_STRING_length(octets)) {
    case 4:
      return base::IpAddress::v4(data).text();
    case 16:
      return base::IpAddress::v6(data).text();
    default:
      return "?";
  }
}

}  // namespace

std::string certificate_names(const X509* certificate) {
  if (certificate == nullptr) return "no name at all";
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string text;
  int found = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    if (++found > kNamesShown) continue;
    if (!text.empty()) text += ", ";
    text += '\'' +
            (name->type == GEN_DNS ? printable(name->d.dNSName) : address_text(name->d.iPAddress)) +
            '\'';
  }
  if (found == 0) return "no name at all";
  if (found > kNamesShown) text += " and " + std::to_string(found - kNamesShown) + " more";
  return text;
}

}  // namespace transport
