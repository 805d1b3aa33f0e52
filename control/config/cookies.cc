// The section `cookies`, and the file of secrets that it names: one secret a line, as Unbound's
// cookie-secret-file has them.
#include <algorithm>

#include "control/config/reader.h"
#include "control/config/regular_file.h"

namespace control {
namespace {

constexpr size_t kMaxFile = size_t{16} << 10;
constexpr size_t kMaxSecrets = 8;
constexpr size_t kDigits = 2 * sizeof(rules::CookieSecret);

std::optional<unsigned> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<rules::CookieSecret> secret_of(std::string_view line) {
  if (line.size() != kDigits) return std::nullopt;
  rules::CookieSecret secret;
  for (size_t i = 0; i < secret.size(); ++i) {
    const auto high = digit_of(line[2 * i]);
    const auto low = digit_of(line[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    secret[i] = static_cast<std::byte>(*high << 4 | *low);
  }
  return secret;
}

std::string_view without_spaces(std::string_view line) {
  constexpr std::string_view kSpaces = " \t\r";
  const size_t first = line.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpaces) + 1 - first);
}

using Secrets = std::vector<rules::CookieSecret>;

/// Fails with a sentence without the path, and without any secret.
base::Result<Secrets, std::string> secrets_in(std::string_view text) {
  Secrets secrets;
  for (unsigned number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = without_spaces(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto secret = secret_of(line);
    if (!secret)
      return base::fail("line " + std::to_string(number) + " of it is no secret, expected " +
                        std::to_string(kDigits) + " hexadecimal digits");
    secrets.push_back(*secret);
  }
  if (secrets.empty()) return base::fail(std::string("has no secret in it, expected one a line"));
  if (secrets.size() > kMaxSecrets)
    return base::fail("has more than " + std::to_string(kMaxSecrets) + " secrets in it");
  return secrets;
}

}  // namespace

void read_cookies(Section section, Reading& reading) {
  CookieSettings& cookies = reading.config.cookies;
  section.flag("enabled", cookies.enabled);
  section.flag("require_server_cookie", cookies.require_server_cookie);
  const auto file = section.text("secret_file", "a file of secrets, one a line");
  section.refuse_unknown();
  if (!file) return;
  const auto text = read_regular_file(*file, kMaxFile);
  if (!text) return section.refuse("secret_file", text.error());
  const auto secrets = secrets_in(*text);
  if (!secrets) return section.refuse("secret_file", secrets.error());
  cookies.secrets = *secrets;
}

}  // namespace control
