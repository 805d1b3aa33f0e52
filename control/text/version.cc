#include "control/text/version.h"

#include <openssl/crypto.h>
#include <rte_version.h>

#include <string_view>

namespace control {
namespace {

/// "DPDK 22.11.1" and the like without the first word.
std::string without_name(std::string_view text) {
  const size_t space = text.find(' ');
  return std::string(space == std::string_view::npos ? text : text.substr(space + 1));
}

}  // namespace

Version version() {
  return {DOTLINE_VERSION, without_name(rte_version()), OpenSSL_version(OPENSSL_VERSION_STRING)};
}

}  // namespace control
