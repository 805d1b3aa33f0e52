#include "control/status/status_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace control {
namespace {

using Json = nlohmann::ordered_json;

// ---------------------------------------------------------------- to JSON

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json object_of(const Tally& tally) {
  Json object = Json::object();
  for (const auto& [name, count] : tally) object[name] = count;
  return object;
}

template <typename Thing>
Json list_of(const std::vector<Thing>& things, Json (*write)(const Thing&)) {
  Json list = Json::array();
  for (const Thing& thing : things) list.push_back(write(thing));
  return list;
}

Json write_bind(const Status::Bind& bind) {
  return {{"address", bind.address}, {"protocol", bind.protocol}, {"up", bind.up}};
}

Json write_core(const Status::Core& core) {
  return {{"cpu", core.cpu},
          {"cycles", core.cycles},
          {"busy_cycles", core.busy_cycles},
          {"busy", or_null(core.busy)}};
}

Json write_port(const Status::Port& port) {
  return {{"name", port.name},          {"link", port.link},
          {"serves", port.why.empty()}, {"why", port.why},
          {"reopened", port.reopened},  {"program_attached_again", port.programs_back},
          {"received", port.received},  {"sent", port.sent}};
}

Json write_worker(const Status::Worker& worker) {
  return {{"index", worker.index}, {"questions", worker.questions}};
}

Json write_cache(const Status::Cache& cache) {
  return {{"name", cache.name},       {"entries", cache.entries},    {"capacity", cache.capacity},
          {"bytes", cache.bytes},     {"hits", cache.hits},          {"misses", cache.misses},
          {"inserts", cache.inserts}, {"evictions", cache.evictions}};
}

Json write_pool(const Status::Pool& pool) {
  return {{"name", pool.name},
          {"policy", pool.policy},
          {"cache", or_null(pool.cache)},
          {"domains", pool.domains},
          {"backends", pool.backends}};
}

Json write_failure(const std::optional<Status::Failure>& failure) {
  if (!failure) return nullptr;
  return {{"class", failure->kind}, {"text", failure->text}, {"at", failure->at}};
}

Json write_check(const std::optional<Status::Check>& check) {
  if (!check) return nullptr;
  return {{"at", check->at}, {"result", check->result}};
}

Json write_backend(const Status::Backend& backend) {
  return {{"name", backend.name},
          {"address", backend.address},
          {"protocol", backend.protocol},
          {"proxy", backend.proxy},
          {"identity", backend.identity},
          {"pools", backend.pools},
          {"order", backend.order},
          {"weight", backend.weight},
          {"in_rotation", backend.in_rotation},
          {"up", backend.up},
          {"state", backend.state},
          {"since", backend.since},
          {"mode", backend.mode},
          {"operator", backend.said},
          {"sessions", backend.sessions},
          {"in_flight", backend.in_flight},
          {"queries", backend.queries},
          {"responses", backend.responses},
          {"failures", object_of(backend.failures)},
          {"p50", or_null(backend.durations.quantile(0.5))},
          {"p99", or_null(backend.durations.quantile(0.99))},
          {"duration_counts", backend.durations.counts},
          {"last_failure", write_failure(backend.last_failure)},
          {"last_check", write_check(backend.last_check)},
          {"certificate_expiry", or_null(backend.certificate_expiry)}};
}

// ---------------------------------------------------------------- from JSON

/// Sets `target` if the object has `key` and it is not null. Throws if it has another type.
template <typename Value>
void read(const Json& object, const char* key, Value& target) {
  const auto found = object.find(key);
  if (found != object.end() && !found->is_null()) found->get_to(target);
}

template <typename Value>
void read(const Json& object, const char* key, std::optional<Value>& target) {
  const auto found = object.find(key);
  if (found != object.end() && !found->is_null()) target = found->get<Value>();
}

void read(const Json& object, const char* key, Tally& target) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  for (const auto& [name, count] : found->get_ref<const Json::object_t&>())
    target.emplace_back(name, count.get<uint64_t>());
}

void read(const Json& object, const char* key, Durations& target) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  const auto counts = found->get<std::vector<uint64_t>>();
  for (size_t i = 0; i < std::min(counts.size(), target.counts.size()); ++i)
    target.counts[i] = counts[i];
}

template <typename Thing>
void read_list(const Json& object, const char* key, std::vector<Thing>& target,
               Thing (*read_one)(const Json&)) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  for (const Json& one : found->get_ref<const Json::array_t&>()) {
    (void)one.get_ref<const Json::object_t&>();  // Throws if it is none.
    target.push_back(read_one(one));
  }
}

Status::Bind read_bind(const Json& json) {
  Status::Bind bind;
  read(json, "address", bind.address);
  read(json, "protocol", bind.protocol);
  read(json, "up", bind.up);
  return bind;
}

Status::Core read_core(const Json& json) {
  Status::Core core;
  read(json, "cpu", core.cpu);
  read(json, "cycles", core.cycles);
  read(json, "busy_cycles", core.busy_cycles);
  read(json, "busy", core.busy);
  return core;
}

Status::Port read_port(const Json& json) {
  Status::Port port;
  read(json, "name", port.name);
  read(json, "link", port.link);
  read(json, "why", port.why);
  read(json, "reopened", port.reopened);
  read(json, "program_attached_again", port.programs_back);
  read(json, "received", port.received);
  read(json, "sent", port.sent);
  return port;
}

Status::Worker read_worker(const Json& json) {
  Status::Worker worker;
  read(json, "index", worker.index);
  read(json, "questions", worker.questions);
  return worker;
}

Status::Cache read_cache(const Json& json) {
  Status::Cache cache;
  read(json, "name", cache.name);
  read(json, "entries", cache.entries);
  read(json, "capacity", cache.capacity);
  read(json, "bytes", cache.bytes);
  read(json, "hits", cache.hits);
  read(json, "misses", cache.misses);
  read(json, "inserts", cache.inserts);
  read(json, "evictions", cache.evictions);
  return cache;
}

Status::Pool read_pool(const Json& json) {
  Status::Pool pool;
  read(json, "name", pool.name);
  read(json, "policy", pool.policy);
  read(json, "cache", pool.cache);
  read(json, "domains", pool.domains);
  read(json, "backends", pool.backends);
  return pool;
}

void read_history(const Json& json, Status::Backend& backend) {
  const auto failure = json.find("last_failure");
  if (failure != json.end() && !failure->is_null()) {
    Status::Failure& last = backend.last_failure.emplace(Status::Failure{});
    read(*failure, "class", last.kind);
    read(*failure, "text", last.text);
    read(*failure, "at", last.at);
  }
  const auto check = json.find("last_check");
  if (check != json.end() && !check->is_null()) {
    Status::Check& last = backend.last_check.emplace(Status::Check{});
    read(*check, "at", last.at);
    read(*check, "result", last.result);
  }
}

Status::Backend read_backend(const Json& json) {
  Status::Backend backend;
  read(json, "name", backend.name);
  read(json, "address", backend.address);
  read(json, "protocol", backend.protocol);
  read(json, "proxy", backend.proxy);
  read(json, "identity", backend.identity);
  read(json, "pools", backend.pools);
  read(json, "order", backend.order);
  read(json, "weight", backend.weight);
  read(json, "in_rotation", backend.in_rotation);
  read(json, "up", backend.up);
  read(json, "state", backend.state);
  read(json, "since", backend.since);
  read(json, "mode", backend.mode);
  read(json, "operator", backend.said);
  read(json, "sessions", backend.sessions);
  read(json, "in_flight", backend.in_flight);
  read(json, "queries", backend.queries);
  read(json, "responses", backend.responses);
  read(json, "failures", backend.failures);
  read(json, "duration_counts", backend.durations);
  read(json, "certificate_expiry", backend.certificate_expiry);
  read_history(json, backend);
  return backend;
}

void read_head(const Json& json, Status& status) {
  if (const auto version = json.find("version"); version != json.end()) {
    read(*version, "dotline", status.version.dotline);
    read(*version, "dpdk", status.version.dpdk);
    read(*version, "openssl", status.version.openssl);
  }
  read(json, "pid", status.pid);
  read(json, "now", status.now);
  read(json, "started", status.started);
  read(json, "uptime", status.uptime);
  read(json, "healthy", status.healthy);
  read(json, "why", status.why);
  read(json, "notes", status.notes);
  if (const auto config = json.find("config"); config != json.end()) {
    read(*config, "file", status.configuration.file);
    read(*config, "loaded", status.configuration.loaded);
    read(*config, "generation", status.configuration.generation);
    read(*config, "reloads", status.configuration.reloads);
    read(*config, "failed_reloads", status.configuration.failed_reloads);
    read(*config, "last_error", status.configuration.last_error);
  }
}

Status read_status(const Json& json) {
  Status status;
  read_head(json, status);
  read(json, "queries", status.queries);
  read(json, "dropped", status.dropped);
  read(json, "parked", status.parked);
  read(json, "replies", status.replies);
  if (const auto durations = json.find("reply_duration"); durations != json.end())
    read(*durations, "counts", status.reply_durations);
  read(json, "off", status.off);
  read_list(json, "binds", status.binds, read_bind);
  read_list(json, "cores", status.cores, read_core);
  read_list(json, "ports", status.ports, read_port);
  read_list(json, "workers", status.workers, read_worker);
  read_list(json, "caches", status.caches, read_cache);
  read_list(json, "pools", status.pools, read_pool);
  read_list(json, "backends", status.backends, read_backend);
  return status;
}

}  // namespace

std::string status_json(const Status& status) {
  const Status::Configuration& configuration = status.configuration;
  const Json json = {{"version",
                      {{"dotline", status.version.dotline},
                       {"dpdk", status.version.dpdk},
                       {"openssl", status.version.openssl}}},
                     {"pid", status.pid},
                     {"now", status.now},
                     {"started", status.started},
                     {"uptime", status.uptime},
                     {"healthy", status.healthy},
                     {"why", status.why},
                     {"notes", status.notes},
                     {"config",
                      {{"file", configuration.file},
                       {"loaded", configuration.loaded},
                       {"generation", configuration.generation},
                       {"reloads", configuration.reloads},
                       {"failed_reloads", configuration.failed_reloads},
                       {"last_error", configuration.last_error}}},
                     {"queries", status.queries},
                     {"dropped", status.dropped},
                     {"parked", status.parked},
                     {"replies", object_of(status.replies)},
                     {"reply_duration",
                      {{"p50", or_null(status.reply_durations.quantile(0.5))},
                       {"p99", or_null(status.reply_durations.quantile(0.99))},
                       {"counts", status.reply_durations.counts}}},
                     {"off", status.off},
                     {"binds", list_of(status.binds, write_bind)},
                     {"cores", list_of(status.cores, write_core)},
                     {"ports", list_of(status.ports, write_port)},
                     {"workers", list_of(status.workers, write_worker)},
                     {"caches", list_of(status.caches, write_cache)},
                     {"pools", list_of(status.pools, write_pool)},
                     {"backends", list_of(status.backends, write_backend)}};
  constexpr int kOneLine = -1;
  return json.dump(kOneLine, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

base::Result<Status, std::string> parse_status(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (!json.is_object()) return base::fail(std::string("it is no JSON object"));
    return read_status(json);
  } catch (const Json::exception& fault) {
    return base::fail(std::string(fault.what()));
  }
}

}  // namespace control
