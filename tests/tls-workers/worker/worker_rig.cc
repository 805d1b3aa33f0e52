#include "tests/tls-workers/worker/worker_rig.h"

#include "dataplane/base/keyed_hash.h"
#include "tests/kept_entry.h"
#include "tls-workers/worker/confinement.h"

namespace tests {
namespace {

constexpr unsigned kRing = 65536;
/// Most tests in which nobody answers do not wait for more than this.
constexpr base::milliseconds kQuestionLife{1500};

class HashSecret : public testing::Environment {
 public:
  void SetUp() override { base::draw_hash_secret(); }
};
[[maybe_unused]] testing::Environment* const kHashSecret =
    testing::AddGlobalTestEnvironment(new HashSecret);

}  // namespace

dns::Question question_for(const std::string& name, dns::PoolId pool) {
  return dns::make_question(wire_name(name), dns::Type::A, dns::Class::In, dns::Wants::Plain, pool);
}

const Authority& authority() {
  static const Authority only;
  return only;
}

const Identity& good_identity() {
  static const Identity only = authority().issue({});
  return only;
}

backends::BackendSettings backend_at(const base::Endpoint& endpoint, const std::string& name) {
  backends::BackendSettings settings;
  settings.name = name;
  settings.address = endpoint;
  settings.subject_name = "dns.example";
  settings.ca_store = authority().file();
  settings.pools = {dns::PoolId{0}, dns::PoolId{1}};
  settings.health.mode = backends::HealthSettings::Mode::Up;
  return settings;
}

WorkerRig::WorkerRig(std::vector<backends::BackendSettings> backends)
    : WorkerRig({.sessions_per_backend = 1, .question_life = kQuestionLife}, std::move(backends)) {}

WorkerRig::WorkerRig(const worker::WorkerSettings& settings,
                     std::vector<backends::BackendSettings> backends, bool hedging)
    : exchange_({.cores = kCores, .workers = 1, .misses = kRing, .fills = kRing}),
      readers_(kCores),
      cache_("main", 65536),
      reclaim_(readers_) {
  for (const backends::BackendSettings& backend : backends)
    configuration_.backends.push_back(backend_of(backend));
  configuration_.pools = {{.name = "", .cache = &cache_}, {.name = "uncached"}};
  configuration_.hedging = hedging;
  const auto note = [this](worker::Severity, const std::string&, const std::string& text) {
    const std::lock_guard lock(mutex_);
    notices_.push_back(text);
  };
  worker_ = std::make_unique<worker::Worker>(
      settings, std::make_shared<questions::Configuration>(configuration_), exchange_, readers_,
      tickets_, note);
  thread_ = std::thread([this] {
    EXPECT_TRUE(worker::confine_worker().has_value());  // As in life.
    worker_->run();
  });
}

WorkerRig::~WorkerRig() {
  stop();
  for (const cache::Entry* entry : pinned_) entry->unpin();
}

void WorkerRig::stop() {
  if (!thread_.joinable()) return;
  worker_->stop();
  thread_.join();
}

void WorkerRig::adopt(const questions::Configuration& configuration) {
  configuration_ = configuration;
  worker_->adopt(worker_->prepare(std::make_shared<questions::Configuration>(configuration)));
  EXPECT_TRUE(eventually([&] { return worker_->adopted(); }));
}

questions::Configuration::Backend WorkerRig::backend_of(const backends::BackendSettings& settings) {
  return {settings, std::make_shared<backends::SharedBackend>(settings, 1, base::Clock::now())};
}

exchange::Ticket WorkerRig::ask(const dns::Question& question, unsigned core,
                                base::Duration patience) {
  const exchange::Ticket ticket{next_slot_++, 1};
  const exchange::Miss miss{
      .question = question, .ticket = ticket, .deadline = base::Clock::now() + patience};
  EXPECT_TRUE(exchange_.lane(core, 0).miss.push(miss));
  exchange_.doorbell(0).ring();
  return ticket;
}

exchange::Fill WorkerRig::next_fill(unsigned core) {
  exchange::Fill fill;
  const bool came = eventually([&] { return exchange_.lane(core, 0).fill.pop({&fill, 1}) == 1; });
  EXPECT_TRUE(came) << "no fill for core " << core;
  if (fill.entry != nullptr) pinned_.push_back(fill.entry);
  return fill;
}

exchange::Fill WorkerRig::resolve(const std::string& name, base::Duration patience) {
  const exchange::Ticket ticket = ask(name, 0, patience);
  const exchange::Fill fill = next_fill();
  EXPECT_EQ(fill.ticket, ticket);
  return fill;
}

bool WorkerRig::no_fill_waits() {
  for (unsigned core = 0; core < kCores; ++core) {
    if (!exchange_.lane(core, 0).fill.empty()) return false;
  }
  return true;
}

const cache::Entry* WorkerRig::cached(const std::string& name) {
  readers_.join(0);
  const cache::Entry* entry = cache_.find(question_for(name), base::Clock::now());
  if (entry != nullptr) {
    entry->pin();
    pinned_.push_back(entry);
  }
  readers_.leave(0);
  return entry;
}

void WorkerRig::leave(const dns::Question& question, base::Duration ago, dns::Rcode rcode) {
  const base::Time now = base::Clock::now();
  const base::seconds lived{60};
  const Bytes record = a_record(pointer_to_question(), 60, {192, 0, 2, 99}).wire();
  constexpr uint16_t kTtlAt = 6;  // Behind the owner's pointer, type and class.
  dns::Content content{.rcode = rcode};
  const Bytes soa = soa_record(wire_name("."), 60, 60).wire();
  constexpr uint16_t kSoaTtlAt = 5;  // Behind the root, type and class.
  if (rcode == dns::Rcode::NxDomain) {
    content.authorities = 1;
    content.records = soa;
    content.ttl_places = {&kSoaTtlAt, 1};
  }
  if (rcode == dns::Rcode::NoError) {
    content.answers = 1;
    content.records = record;
    content.ttl_places = {&kTtlAt, 1};
  }
  cache_.insert(question,
                kept_entry({.question = question,
                            .content = content,
                            .inserted = now - ago - lived,
                            .expires = now - ago}),
                now, reclaim_);
}

uint64_t WorkerRig::flush(const std::string& name) {
  return cache_.flush({.name = dns::Name(wire_name(name))}, reclaim_);
}

void WorkerRig::prefetch(const std::string& name) {
  const exchange::Miss miss{.question = question_for(name),
                            .ticket = exchange::kNobody,
                            .deadline = base::Clock::now() + kPatience};
  EXPECT_TRUE(exchange_.lane(0, 0).miss.push(miss));
  exchange_.doorbell(0).ring();
}

std::vector<std::string> WorkerRig::notices() const {
  const std::lock_guard lock(mutex_);
  return notices_;
}

std::string address_in(const exchange::Fill& fill) {
  if (fill.entry == nullptr)
    return "failed with EDE " + std::to_string(static_cast<unsigned>(fill.ede));
  const base::ByteView records = fill.entry->content(base::Clock::now()).records;
  if (records.size() < 4)
    return "rcode " +
           std::to_string(static_cast<unsigned>(fill.entry->content(base::Clock::now()).rcode));
  return base::IpAddress::v4(records.last(4).data()).text();
}

}  // namespace tests
