// The section `cookies`, and the file of secrets that it names: one secret a line, as Unbound's
// cookie-secret-file has them.
#include "control/config/named_files.h"
#include "control/config/reader.h"

namespace control {

void read_cookies(Section section, Reading& reading) {
  CookieSettings& cookies = reading.config.cookies;
  section.flag("enabled", cookies.enabled);
  section.flag("require_server_cookie", cookies.require_server_cookie);
  const auto file = section.text("secret_file", "a file of secrets, one a line");
  section.refuse_unknown();
  if (!file) return;
  const auto secrets = load_secrets(*file);
  if (secrets) {
    cookies.secrets = *secrets;
    return;
  }
  section.turn_off("secret_file", secrets.error() + "; other secrets are used");
  reading.config.file_faults.push_back(
      {FileFault::Kind::CookieSecrets, *file, "", *file + ' ' + secrets.error()});
}

}  // namespace control
