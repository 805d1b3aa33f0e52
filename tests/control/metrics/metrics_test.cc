// The page that Prometheus gets: every name and label value from the start, sums, histograms, and
// Prometheus' own opinion of it.
#include "control/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <sstream>
#include <string>

namespace control {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Two cores, two workers, two ports, two backends, one cache.
class MetricsTest : public testing::Test {
 protected:
  void SetUp() override {
    sources_.cores = {{2, &cores_[0]}, {3, &cores_[1]}};
    for (const char* name : {"af_xdp:eth0", "vdev:net_null0,a=\"b\""}) {
      sources_.ports.push_back(
          {name,
           [] {
             return MetricsSources::PortLosses{7, 8, 9};
           },
           [] { return uint64_t{512}; },
           [] {
             return PortCondition{
                 .why = "the interface is gone", .link = false, .reopened = 2, .programs_back = 3};
           }});
    }
    sources_.caches = {{0, std::make_shared<cache::Cache>("main", 64)}};
    for (const char* name : {"one", "two"}) {
      backends::BackendSettings settings;
      settings.name = name;
      sources_.backends.push_back(
          {settings, std::make_shared<backends::SharedBackend>(settings, 2, base::Time{})});
    }
    sources_.workers = {&workers_[0], &workers_[1]};
    sources_.reloads = &reloads_;
    sources_.version = {"1.2.3", "22.11.4", "3.0.5"};
  }

  [[nodiscard]] Metrics metrics() const {
    return Metrics([this] { return std::make_shared<const MetricsSources>(sources_); });
  }
  /// What one worker knows of a backend.
  [[nodiscard]] backends::BackendLedger& ledger(size_t worker, size_t backend) {
    return sources_.backends[backend].shared->ledgers[worker];
  }

  [[nodiscard]] std::string page() const {
    return prometheus::TextSerializer().Serialize(metrics().Collect());
  }
  /// The value of the sample whose line starts with `name_and_labels`, "" if there is none.
  [[nodiscard]] std::string value(const std::string& name_and_labels) const {
    std::istringstream text(page());
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with(name_and_labels + " ")) return line.substr(name_and_labels.size() + 1);
    }
    return "";
  }

  std::array<poll::CoreCounters, 2> cores_;
  std::array<questions::WorkerCounters, 2> workers_;
  ReloadRecord reloads_{ReloadRecord::Date{std::chrono::seconds(1'700'000'000)}};
  MetricsSources sources_;
};

TEST_F(MetricsTest, TellsHowReloadsWent) {
  EXPECT_EQ(value("dotline_config_loaded_timestamp_seconds"), "1700000000");
  reloads_.failed("a word too many");
  EXPECT_EQ(value("dotline_config_last_reload_successful"), "0");
  EXPECT_EQ(value("dotline_config_reloads_total{result=\"failed\"}"), "1");
  reloads_.succeeded();
  EXPECT_EQ(value("dotline_config_last_reload_successful"), "1");
  EXPECT_EQ(value("dotline_config_reloads_total{result=\"ok\"}"), "1");
  EXPECT_NE(value("dotline_config_loaded_timestamp_seconds"), "1700000000");
}

TEST_F(MetricsTest, CertificateExpiryIsWhatWasSeenLast) {
  const backends::Date date{std::chrono::seconds(1'700'000'000)};
  ledger(0, 1).record.saw_certificate(date + std::chrono::seconds(5), date);
  ledger(1, 1).record.saw_certificate(date + std::chrono::seconds(3),
                                      date + std::chrono::seconds(1));
  const std::string name = "dotline_backend_certificate_expiry_timestamp_seconds";
  EXPECT_EQ(value(name + "{backend=\"one\"}"), "0");
  EXPECT_EQ(value(name + "{backend=\"two\"}"), "1700000003");
}

TEST_F(MetricsTest, ExportsEveryNameAndLabelFromTheStart) {
  const std::vector<std::string> samples = {
      "dotline_build_info{version=\"1.2.3\",dpdk=\"22.11.4\",openssl=\"3.0.5\"}",
      "dotline_packets_received_total{port=\"af_xdp:eth0\"}",
      "dotline_packets_sent_total{port=\"af_xdp:eth0\"}",
      "dotline_packets_sent_total{port=\"vdev:net_null0,a=\\\"b\\\"\"}",
      "dotline_packets_dropped_total{reason=\"runt\"}",
      "dotline_packets_dropped_total{reason=\"acl_denied\"}",
      "dotline_packets_dropped_total{reason=\"transmit_full\"}",
      "dotline_queries_total{transport=\"udp\"}",
      "dotline_queries_total{transport=\"tcp\"}",
      "dotline_queries_total{transport=\"dot\"}",
      "dotline_queries_total{transport=\"doh\"}",
      "dotline_cache_hits_total{cache=\"main\"}",
      "dotline_cache_misses_total{cache=\"main\"}",
      "dotline_cache_inserts_total{cache=\"main\"}",
      "dotline_cache_evictions_total{cache=\"main\"}",
      "dotline_cache_entries{cache=\"main\"}",
      "dotline_cache_bytes{cache=\"main\"}",
      "dotline_parked",
      "dotline_merged_queries_total",
      "dotline_ring_full_total{ring=\"miss\"}",
      "dotline_ring_full_total{ring=\"fill\"}",
      "dotline_late_fills_total",
      "dotline_core_busy_cycles_total{core=\"2\"}",
      "dotline_core_cycles_total{core=\"3\"}",
      "dotline_worker_turns_total{worker=\"1\"}",
      "dotline_backend_up{backend=\"one\"}",
      "dotline_backend_in_rotation{backend=\"one\"}",
      "dotline_backend_health_checks_total{backend=\"one\",result=\"ok\"}",
      "dotline_backend_health_checks_total{backend=\"two\",result=\"deadline\"}",
      "dotline_backend_sessions{backend=\"one\"}",
      "dotline_backend_in_flight{backend=\"two\"}",
      "dotline_backend_queries_total{backend=\"two\"}",
      "dotline_backend_over_budget_total{backend=\"two\"}",
      "dotline_backend_responses_total{backend=\"one\",rcode=\"noerror\"}",
      "dotline_backend_responses_total{backend=\"one\",rcode=\"nxdomain\"}",
      "dotline_backend_responses_total{backend=\"one\",rcode=\"extended\"}",
      "dotline_backend_handshakes_total{backend=\"one\",kind=\"full\"}",
      "dotline_backend_handshakes_total{backend=\"two\",kind=\"resumed\"}",
      "dotline_backend_response_duration_seconds_count{backend=\"two\"}",
      "dotline_port_missed_total{port=\"af_xdp:eth0\"}",
      "dotline_mempool_in_use{port=\"af_xdp:eth0\"}",
      "dotline_port_link_up{port=\"af_xdp:eth0\"}",
      "dotline_port_up{port=\"af_xdp:eth0\"}",
      "dotline_port_reopened_total{port=\"af_xdp:eth0\"}",
      "dotline_port_program_attached_again_total{port=\"af_xdp:eth0\"}",
      "dotline_exception_frames_total{port=\"af_xdp:eth0\",direction=\"to_kernel\"}",
      "dotline_exception_frames_total{port=\"af_xdp:eth0\",direction=\"from_kernel\"}",
      "dotline_exception_unsent_total{reason=\"too_long\"}",
      "dotline_exception_unsent_total{reason=\"ring_full\"}",
      "dotline_exception_unsent_total{reason=\"pool_empty\"}",
      "dotline_exception_unsent_total{reason=\"transmit_full\"}",
      "process_open_fds",
      "process_resident_memory_bytes",
      "process_start_time_seconds",
      "process_cpu_seconds_total",
  };
  for (const std::string& sample : samples) EXPECT_NE(value(sample), "") << sample;
}

TEST_F(MetricsTest, ExportsEveryReasonOutcomeAndClassAtZero) {
  for (const std::string_view reason : rules::kDropNames) {
    EXPECT_EQ(value("dotline_packets_dropped_total{reason=\"" + std::string(reason) + "\"}"), "0")
        << reason;
  }
  for (const char* outcome : {"hit", "fill", "stale", "local", "blocked", "refused", "servfail",
                              "formerr", "notimp", "badvers", "truncated"}) {
    EXPECT_EQ(value("dotline_replies_total{outcome=\"" + std::string(outcome) + "\"}"), "0")
        << outcome;
    EXPECT_EQ(
        value("dotline_reply_duration_seconds_count{outcome=\"" + std::string(outcome) + "\"}"),
        "0")
        << outcome;
  }
  for (const char* failure : {"connect", "tls", "certificate", "eof", "reset", "deadline",
                              "mismatch", "malformed", "refused", "servfail"}) {
    EXPECT_EQ(value("dotline_backend_failures_total{backend=\"one\",class=\"" +
                    std::string(failure) + "\"}"),
              "0")
        << failure;
  }
}

TEST_F(MetricsTest, HasNoLabelButTheDocumentedOnes) {
  std::set<std::string> names;
  for (const prometheus::MetricFamily& family : metrics().Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      for (const auto& label : metric.label) names.insert(label.name);
    }
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("backend", "cache", "class", "core", "direction",
                                                   "dpdk", "kind", "limit", "openssl", "outcome",
                                                   "port", "rcode", "reason", "result", "ring",
                                                   "transport", "version", "worker"));
}

TEST_F(MetricsTest, SumsOverCores) {
  cores_[0].queries[rules::Transport::Udp].add(3);
  cores_[1].queries[rules::Transport::Udp].add(4);
  cores_[0].ports[1].received.add(10);
  cores_[1].ports[1].received.add(1);
  cores_[1].dropped[rules::Drop::AclDenied].add(2);
  cores_[0].replies[rules::Outcome::ServFail].add(6);
  cores_[0].caches[0].hits.add(5);
  cores_[1].caches[0].misses.add(8);
  cores_[0].parked.add(9);
  cores_[0].parked.subtract(2);
  cores_[1].cycles.add(100);
  cores_[1].busy_cycles.add(40);
  EXPECT_EQ(value("dotline_queries_total{transport=\"udp\"}"), "7");
  EXPECT_EQ(value("dotline_packets_received_total{port=\"vdev:net_null0,a=\\\"b\\\"\"}"), "11");
  EXPECT_EQ(value("dotline_packets_received_total{port=\"af_xdp:eth0\"}"), "0");
  EXPECT_EQ(value("dotline_packets_dropped_total{reason=\"acl_denied\"}"), "2");
  EXPECT_EQ(value("dotline_replies_total{outcome=\"servfail\"}"), "6");
  EXPECT_EQ(value("dotline_cache_hits_total{cache=\"main\"}"), "5");
  EXPECT_EQ(value("dotline_cache_misses_total{cache=\"main\"}"), "8");
  EXPECT_EQ(value("dotline_parked"), "7");
  EXPECT_EQ(value("dotline_core_cycles_total{core=\"3\"}"), "100");
  EXPECT_EQ(value("dotline_core_busy_cycles_total{core=\"3\"}"), "40");
  EXPECT_EQ(value("dotline_core_cycles_total{core=\"2\"}"), "0");
}

TEST_F(MetricsTest, SumsOverCoresAndTheExceptionPath) {
  ports::ExceptionPath::PortCounters exceptions;
  sources_.ports[1].exceptions = &exceptions;
  const std::string port = "port=\"vdev:net_null0,a=\\\"b\\\"\"";
  exceptions.to_kernel.add(5);
  exceptions.refused.add(6);
  exceptions.unsent[poll::Unsent::RingFull].add(7);
  cores_[0].ports[1].from_kernel.add(8);
  cores_[1].unsent[poll::Unsent::RingFull].add(1);
  cores_[1].dropped[rules::Drop::ExceptionFull].add(9);
  EXPECT_EQ(value("dotline_exception_frames_total{" + port + ",direction=\"to_kernel\"}"), "5");
  EXPECT_EQ(value("dotline_exception_frames_total{" + port + ",direction=\"from_kernel\"}"), "8");
  EXPECT_EQ(value("dotline_exception_unsent_total{reason=\"ring_full\"}"), "8");
  EXPECT_EQ(value("dotline_packets_dropped_total{reason=\"exception_refused\"}"), "6");
  EXPECT_EQ(value("dotline_packets_dropped_total{reason=\"exception_full\"}"), "9");
}

TEST_F(MetricsTest, SumsOverCoresAndWorkers) {
  cores_[1].merged.add(5);
  workers_[1].turns.add(6);
  EXPECT_EQ(value("dotline_worker_turns_total{worker=\"0\"}"), "0");
  EXPECT_EQ(value("dotline_worker_turns_total{worker=\"1\"}"), "6");
  workers_[0].merged.add(2);
  cores_[0].miss_ring_full.add(3);
  workers_[1].fills_lost.add(4);
  cores_[1].prefetches_left.add(1);
  workers_[0].prefetches_left.add(1);
  workers_[1].prefetches.add(3);
  EXPECT_EQ(value("dotline_merged_queries_total"), "7");
  EXPECT_EQ(value("dotline_prefetches_total{result=\"asked\"}"), "3");
  EXPECT_EQ(value("dotline_prefetches_total{result=\"left\"}"), "2");
  EXPECT_EQ(value("dotline_ring_full_total{ring=\"miss\"}"), "3");
  EXPECT_EQ(value("dotline_ring_full_total{ring=\"fill\"}"), "4");
}

TEST_F(MetricsTest, SumsABackendOverWorkers) {
  for (size_t i = 0; i < workers_.size(); ++i) {
    ledger(i, 1).counters.up.set(1);
    ledger(i, 1).counters.sessions.set(2);
    ledger(i, 1).counters.queries.add(10);
    ledger(i, 1).counters.responses[3].add(4);
    ledger(i, 1).counters.failures[backends::Failure::Deadline].add(1);
    ledger(i, 1).counters.handshakes_resumed.add(3);
  }
  EXPECT_EQ(value("dotline_backend_up{backend=\"one\"}"), "0");
  EXPECT_EQ(value("dotline_backend_up{backend=\"two\"}"), "1");
  EXPECT_EQ(value("dotline_backend_sessions{backend=\"two\"}"), "4");
  EXPECT_EQ(value("dotline_backend_queries_total{backend=\"two\"}"), "20");
  EXPECT_EQ(value("dotline_backend_responses_total{backend=\"two\",rcode=\"nxdomain\"}"), "8");
  EXPECT_EQ(value("dotline_backend_failures_total{backend=\"two\",class=\"deadline\"}"), "2");
  EXPECT_EQ(value("dotline_backend_handshakes_total{backend=\"two\",kind=\"resumed\"}"), "6");
}

TEST_F(MetricsTest, CallsABackendUpIfOneWorkerDoes) {
  ledger(1, 0).counters.up.set(1);
  EXPECT_EQ(value("dotline_backend_up{backend=\"one\"}"), "1");
}

TEST_F(MetricsTest, CumulatesHistogramsInSeconds) {
  const auto hit = static_cast<size_t>(rules::Outcome::Hit);
  cores_[0].reply_duration[hit].record(base::microseconds(1));
  cores_[1].reply_duration[hit].record(base::microseconds(3));
  cores_[1].reply_duration[hit].record(base::milliseconds(500));
  cores_[1].reply_duration[hit].record(base::seconds(60));
  const std::string front = "dotline_reply_duration_seconds_";
  EXPECT_EQ(value(front + "bucket{outcome=\"hit\",le=\"1e-06\"}"), "1");
  EXPECT_EQ(value(front + "bucket{outcome=\"hit\",le=\"2e-06\"}"), "1");
  EXPECT_EQ(value(front + "bucket{outcome=\"hit\",le=\"4e-06\"}"), "2");
  EXPECT_EQ(value(front + "bucket{outcome=\"hit\",le=\"0.524288\"}"), "3");
  EXPECT_EQ(value(front + "bucket{outcome=\"hit\",le=\"8.388608\"}"), "3");
  EXPECT_EQ(value(front + "bucket{outcome=\"hit\",le=\"+Inf\"}"), "4");
  EXPECT_EQ(value(front + "count{outcome=\"hit\"}"), "4");
  EXPECT_EQ(value(front + "sum{outcome=\"hit\"}"), "60.500004");
}

TEST_F(MetricsTest, AsksThePortsWhenItIsAsked) {
  EXPECT_EQ(value("dotline_port_missed_total{port=\"af_xdp:eth0\"}"), "7");
  EXPECT_EQ(value("dotline_port_no_buffer_total{port=\"af_xdp:eth0\"}"), "8");
  EXPECT_EQ(value("dotline_port_errors_total{port=\"af_xdp:eth0\"}"), "9");
  EXPECT_EQ(value("dotline_mempool_in_use{port=\"af_xdp:eth0\"}"), "512");
  EXPECT_EQ(value("dotline_port_link_up{port=\"af_xdp:eth0\"}"), "0");
}

TEST_F(MetricsTest, KnowsTheProcess) {
  EXPECT_GT(std::stod(value("process_resident_memory_bytes")), 1e6);
  EXPECT_GE(std::stod(value("process_open_fds")), 3);
  // Field 22 counts from boot; this process is younger than an hour and was not started in the
  // future.
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_NEAR(std::stod(value("process_start_time_seconds")), now, 3600);
}

TEST_F(MetricsTest, PleasesPromtool) {
  const std::string text = page();
  std::FILE* promtool = popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), promtool), text.size());
  const int status = pclose(promtool);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << text;
}

}  // namespace
}  // namespace control
