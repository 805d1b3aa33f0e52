// A reload names every setting that is different. Each line of the example that has all settings is
// changed by itself, so that a new setting that nobody compares is found here.
#include "control/reload/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "tests/control/config/config_rig.h"
#include "tests/control/reload/changes_rig.h"
#include "tests/temporary_folder.h"
#include "tests/tls-workers/certificates.h"

namespace control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Files that configurations name.
class Folder {
 public:
  Folder() {
    for (const char* name : {"/a", "/b"}) {
      const tests::Identity own = authority_.issue({});
      write(std::string(name) + "-chain.pem", tests::pem_of(own.certificate.get()));
      write(std::string(name) + "-key.pem", tests::pem_of(own.key.get()));
    }
    write("/secrets", std::string(32, 'a') + "\n");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_.string() + name) << text;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return path_.string() + name; }
  [[nodiscard]] const tests::Authority& authority() const { return authority_; }

 private:
  const std::filesystem::path path_ = tests::make_temporary_folder("dotline-changes");
  const tests::Authority authority_;
};

class EachSetting : public testing::Test {
 protected:
  EachSetting() {
    std::ifstream file(std::string(std::getenv("SOURCE_ROOT")) + "/docs/examples/full.yaml");
    for (std::string line; std::getline(file, line);) {
      line = std::regex_replace(line, std::regex("/etc/dotline/tls/fullchain.pem"),
                                folder_.path("/a-chain.pem"));
      line = std::regex_replace(line, std::regex("/etc/dotline/tls/privkey.pem"),
                                folder_.path("/a-key.pem"));
      lines_.push_back(line);
    }
  }

  [[nodiscard]] std::string text_with(size_t index, const std::string& line) const {
    std::string text;
    for (size_t i = 0; i < lines_.size(); ++i) text += (i == index ? line : lines_[i]) + '\n';
    return text;
  }

  /// Values that might do instead of `value`, the likeliest first.
  [[nodiscard]] std::vector<std::string> others(const std::string& key,
                                                const std::string& value) const {
    static const std::map<std::string, std::vector<std::string>> kOthers = {
        {"idle", {"busy"}},
        {"memory", {"513M"}},
        {"hugepages", {"off"}},
        {"cores", {"[2]"}},
        {"cpus", {"[]"}},
        {"device", {"af_xdp:eth7", "pci:0000:07:00.0"}},
        {"exception", {"tap:dns7"}},
        {"address", {"192.0.2.77:77", "127.0.0.1:7777"}},
        {"protocol", {"DoT", "DoH"}},
        {"minimum_version", {"tls1.3"}},
        {"min_version", {"tls1.3"}},
        {"paths", {"[/q]"}},
        {"path", {"/q"}},
        {"exempt", {"[192.0.2.16/28]"}},
        {"ciphers", {"ECDHE-ECDSA-AES128-GCM-SHA256"}},
        {"ciphers_tls_13", {"TLS_AES_128_GCM_SHA256"}},
        {"ecdhe_curves", {"X25519"}},
        {"socks5", {"192.0.2.7:1080"}},
        {"subject_name", {"other.example"}},
        {"subject_address", {"192.0.2.9"}},
        {"pools", {"[filtered]", "[\"\"]"}},
        {"mode", {"auto", "TimeoutOrServFail"}},
        {"qname", {"example."}},
        {"qtype", {"AAAA"}},
        {"policy", {"roundrobin"}},
        {"packet_cache", {"main", "filtered"}},
        {"domains", {"[corp.example]"}},
        {"level", {"debug"}},
        {"socket", {"/run/other.sock"}},
        {"cache", {"main", "filtered"}},
        {"name", {"renamed"}},
    };
    if (key == "certificate") return {folder_.path("/b-chain.pem")};
    if (key == "key") return {folder_.path("/b-key.pem")};
    if (key == "ca_store") return {folder_.authority().file()};
    if (key == "key_log_file") return {folder_.path("/keys")};
    if (value == "true") return {"false"};
    if (value == "false") return {"true"};
    if (std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
      const long number = std::stol(value);
      return {std::to_string(number + 1), std::to_string(number - 1)};
    }
    const auto found = kOthers.find(key);
    return found == kOthers.end() ? std::vector<std::string>{} : found->second;
  }

  const Folder folder_;
  std::vector<std::string> lines_;
  const Machine machine_{{0, 1, 2, 3}, {0, 1, 2, 3}};
};

/// Those that say nothing by themselves: where they stand in the example something else has the
/// say, or another line would have to change with them.
const std::set<std::string> kSilent = {"weighted_balancing_factor",
                                       "consistent_hashing_balancing_factor", "default_policy"};

TEST_F(EachSetting, IsNamedIfItChanges) {
  const auto before = parse_config(text_with(lines_.size(), ""), "full", machine_);
  ASSERT_TRUE(before) << all_messages(before.error());
  EXPECT_THAT(lines_between(*before, *before), IsEmpty());
  const std::regex setting("^([ -]*)([a-z0-9_]+): +(\"[^\"]*\"|\\[[^\\]]*\\]|[^ #]+)(.*)$");
  size_t named = 0;
  for (size_t i = 0; i < lines_.size(); ++i) {
    std::smatch parts;
    if (!std::regex_match(lines_[i], parts, setting)) continue;
    const std::string key = parts[2];
    if (kSilent.contains(key)) continue;
    const std::string value = parts[3];
    bool read = false;
    std::vector<std::string> said;
    for (const std::string& other : others(key, value)) {
      if (other == value) continue;
      const auto after = parse_config(
          text_with(i, parts[1].str() + key + ": " + other + parts[4].str()), "full", machine_);
      if (!after) continue;
      read = true;
      said = lines_between(*before, *after);
      break;
    }
    // A pair of files has to fit, a number of queues is that of the cores, a name is used
    // elsewhere.
    const bool needs_another = key == "queues" || key == "name" || key == "packet_cache" ||
                               key == "cache" || key == "exception" || key == "protocol" ||
                               key == "threads";
    if (!read && needs_another) continue;
    EXPECT_TRUE(read) << "no other value is known for line " << i + 1 << ": " << lines_[i];
    if (!read) continue;
    const bool is_file = key == "certificate" || key == "key";
    const bool is_bind = lines_[i].find("192.0.2.5") != std::string::npos;
    const std::string expected = is_file                    ? "certificate"
                                 : is_bind                  ? "binds"
                                 : key == "name"            ? "(new)"
                                 : key == "device"          ? "dataplane.ports"
                                 : key == "vlan"            ? "dataplane.ports"
                                 : key == "verify_checksum" ? "dataplane.ports"
                                 : key == "exception"       ? "dataplane.ports"
                                 : key == "cache"           ? "pool"
                                 : key == "protocol"        ? "protocol"
                                                            : key;
    const bool is_named = std::ranges::any_of(said, [&](const std::string& line) {
      return line.find(expected) != std::string::npos || line.find("binds") != std::string::npos;
    });
    EXPECT_TRUE(is_named) << lines_[i] << "\n" << testing::PrintToString(said);
    ++named;
  }
  EXPECT_GT(named, 100u);
}

TEST(Changes, OfWhatIsInFilesAreNamed) {
  const Folder folder;
  const tests::Authority other;
  std::filesystem::copy_file(folder.authority().file(), folder.path("/ca.pem"));
  const std::string yaml =
      std::string(kPorts) +
      "binds: [{address: 192.0.2.53, protocol: DoT, tls: {certificates: [{certificate: '" +
      folder.path("/a-chain.pem") + "', key: '" + folder.path("/a-key.pem") +
      "'}]}}]\nbackends: [{name: one, address: 192.0.2.1, tls: {subject_name: a.example, ca_store: "
      "'" +
      folder.path("/ca.pem") + "'}}]\ncookies: {secret_file: '" + folder.path("/secrets") + "'}\n";
  const Config before = config_of(yaml);
  EXPECT_THAT(lines_between(before, config_of(yaml)), IsEmpty());
  folder.write("/secrets", std::string(32, 'b') + "\n");
  EXPECT_THAT(lines_between(before, config_of(yaml)),
              ElementsAre(HasSubstr("cookies.secret_file")));
  folder.write("/secrets", std::string(32, 'a') + "\n");
  std::filesystem::copy_file(other.file(), folder.path("/ca.pem"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(lines_between(before, config_of(yaml)),
              ElementsAre(HasSubstr("backend one: 192.0.2.1:853 over TLS, as a.example (changed: "
                                    "what is in tls.ca_store)")));
  std::filesystem::copy_file(folder.authority().file(), folder.path("/ca.pem"),
                             std::filesystem::copy_options::overwrite_existing);
  for (const char* name : {"-chain.pem", "-key.pem"}) {
    std::filesystem::copy_file(folder.path(std::string("/b") + name),
                               folder.path(std::string("/a") + name),
                               std::filesystem::copy_options::overwrite_existing);
  }
  EXPECT_THAT(lines_between(before, config_of(yaml)),
              ElementsAre("192.0.2.53:853: other certificates"));
}

}  // namespace
}  // namespace control
