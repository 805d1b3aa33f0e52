// A line on the control socket. Whatever it is, the answer is one line of JSON that says whether it
// was done; only what was understood is done.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "control/commands/commands.h"
#include "tests/fuzz/invariant.h"

namespace {

using fuzz::require;

class Counted : public control::Commanded {
 public:
  control::Status status() override {
    ++done;
    return {};
  }
  base::Result<control::Reloaded, control::Lines> reload() override {
    ++done;
    return control::Reloaded{};
  }
  base::Result<uint64_t, std::string> flush(const control::FlushCache& what) override {
    ++done;
    require(!what.selection.below || what.selection.name, "nothing is below no name");
    require(!what.selection.name || what.selection.name->size() > 0, "a name has octets");
    if (what.cache) return base::fail(std::string(*what.cache));
    return 1;
  }
  base::Result<void, std::string> set_backend(const control::SetBackend& what) override {
    ++done;
    return base::fail(std::string(what.name));
  }

  int done = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::Input input(data, size);
  const std::string_view line(reinterpret_cast<const char*>(input.bytes().data()), size);
  const bool understood = control::parse_command(line).has_value();
  Counted counted;
  const std::string text = control::answer_command(line, counted);
  require(counted.done == (understood ? 1 : 0), "what is understood is done, once");
  require(text.find('\n') == std::string::npos, "an answer is one line");
  const auto answer = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  require(answer.is_object() && answer["ok"].is_boolean(), "an answer says whether it is done");
  require(answer["ok"] || answer["error"].is_string(), "and if not, why");
  return 0;
}
