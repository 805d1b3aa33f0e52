#include "control/commands/ask.h"

#include "control/status/status_json.h"

namespace control {
namespace {

using Json = nlohmann::ordered_json;
using Lines = std::vector<std::string>;

/// A large cache takes a while to flush, a large configuration to load.
constexpr base::seconds kPatience{60};

Lines errors_in(const Json& answer) {
  Lines lines;
  if (const auto errors = answer.find("errors"); errors != answer.end() && errors->is_array()) {
    for (const Json& error : *errors) {
      if (error.is_string()) lines.push_back(error.get<std::string>());
    }
  }
  const auto error = answer.find("error");
  if (lines.empty() && error != answer.end() && error->is_string())
    lines.push_back(error->get<std::string>());
  if (lines.empty()) lines.emplace_back("it was refused without a reason");
  return lines;
}

}  // namespace

base::Result<Json, Lines> ask(ControlClient& client, const Json& request) {
  const auto line =
      client.ask(request.dump(-1, ' ', false, Json::error_handler_t::replace), kPatience);
  if (!line) return base::fail(Lines{line.error()});
  Json answer = Json::parse(*line, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("ok") || !answer["ok"].is_boolean())
    return base::fail(Lines{"what answers speaks another language than this dotline"});
  if (!answer["ok"].get<bool>()) return base::fail(errors_in(answer));
  return answer;
}

base::Result<std::string, std::string> ask_status_json(ControlClient& client) {
  const base::Result<Json, Lines> answer = ask(client, {{"command", "status"}});
  if (!answer) return base::fail(std::string(answer.error().front()));
  const auto status = answer->find("status");
  if (status == answer->end()) return base::fail(std::string("what answers tells no status"));
  return status->dump();
}

base::Result<Status, std::string> ask_status(ControlClient& client) {
  const base::Result<std::string, std::string> json = ask_status_json(client);
  if (!json) return base::fail(std::string(json.error()));
  return parse_status(*json);
}

}  // namespace control
