// `dotline status` as it stands on a terminal: whole pages, and what single facts add to them.
#include "control/status/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "control/status/status_words.h"
#include "tests/control/status/status_rig.h"

namespace control {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(StatusText, OfAHealthyOffice) {
  EXPECT_EQ(status_text(sample_status(), {}),
            R"(dotline 1.2.3 is healthy, running for 1 h 0 min

queries    2,000,000, answered from memory 97.9 %, waiting 3; packets dropped 12
replies    hit 1,958,000, fill 41,000, servfail 197
time       half of the replies within 2µs, 99 % within 13ms
busy       CPU 1 12.0 %
config     /etc/dotline/dotline.yaml, loaded 1 h 0 min ago; process 4242
pool ""    leastOutstanding over quad9, google; cache main

BACKEND  STATE  SESS  OPEN  QUERIES   P50   P99  CHECK  CERT
quad9    up 1h     2     3    41.2k  13ms  62ms      -   61d
google   up 1h     2     3    41.2k  13ms  62ms      -   61d

CACHE  ANSWERS  FILLED   MEMORY  HITS  MISSES  HIT RATIO  EVICTED
main      250k  25.0 %  48.0 MB  2.0M   42.0k     97.9 %        0

PORT         LINK   RECEIVED       SENT
af_xdp:eth0  up    2,000,012  1,999,997
)");
}

/// One resolver is out, one has a long name and is held down, one is fine and has failed before.
Status troubled() {
  Status status = sample_status();
  status.backends.push_back(sample_backend("third"));
  Status::Backend& out = status.backends[0];
  out.in_rotation = out.up = false;
  out.state = "failed";
  out.since = kNow - 12;
  out.sessions = out.in_flight = 0;
  out.last_failure = {"certificate", "the certificate is for other.example, expected dns.quad9.net",
                      kNow - 3};
  out.last_check = {kNow - 1, "deadline"};
  Status::Backend& held = status.backends[1];
  held.name = "a-resolver-with-a-name-of-some-length";
  held.said = "down";
  held.in_rotation = held.up = false;
  held.certificate_expiry = kNow + 9 * 86'400;
  held.last_check = {kNow - 20, "ok"};
  status.backends[2].last_failure = {"eof", "the server has closed the session", kNow - 600};
  status.pools[0].backends = {"quad9", held.name, "third"};
  status.ports[0].link = false;
  status.cores.push_back({.cpu = 2, .cycles = 1, .busy_cycles = 1, .busy = 0.991});
  status.notes = {"192.0.2.1:853 is off: its certificate has expired"};
  status.configuration.failed_reloads = 1;
  status.configuration.last_error = "/etc/dotline/dotline.yaml:3:1: `colour`: unknown setting";
  return status;
}

TEST(StatusText, BeginsWithWhatIsWrong) {
  EXPECT_EQ(status_text(troubled(), {}),
            R"(dotline 1.2.3 is healthy, running for 1 h 0 min
  ! backend quad9 is out of rotation for 12 s; last failure: certificate: the
    certificate is for other.example, expected dns.quad9.net (3 s ago)
  ! the link of port af_xdp:eth0 is down
  ! 192.0.2.1:853 is off: its certificate has expired
  ! backend a-resolver-with-a-name-of-some-length is held down by the operator
    for 1 h 0 min; `dotline backend auto a-resolver-with-a-name-of-some-length`
    ends that
  ! the certificate of backend a-resolver-with-a-name-of-some-length expires in
    9 d 0 h
  ! CPU 2 is busy 99.1 % of the time: packets may be lost
  ! the last reload failed, what was loaded before is still in force:
    /etc/dotline/dotline.yaml:3:1: `colour`: unknown setting

queries    2,000,000, answered from memory 97.9 %, waiting 3; packets dropped 12
replies    hit 1,958,000, fill 41,000, servfail 197
time       half of the replies within 2µs, 99 % within 13ms
busy       CPU 1 12.0 %, CPU 2 99.1 %
config     /etc/dotline/dotline.yaml, loaded 1 h 0 min ago; process 4242
pool ""    leastOutstanding over quad9, a-resolver-with-a-name-of-some-length,
           third; cache main

BACKEND              STATE         SESS  OPEN  QUERIES   P50   P99   CHECK  CERT
quad9                out 12s          0     0    41.2k  13ms  62ms  bad 1s   61d
a-resolver-with-a-…  held down 1h     2     3    41.2k  13ms  62ms  ok 20s    9d
third                up 1h            2     3    41.2k  13ms  62ms       -   61d
last failures
  third 10 min ago: eof: the server has closed the session

CACHE  ANSWERS  FILLED   MEMORY  HITS  MISSES  HIT RATIO  EVICTED
main      250k  25.0 %  48.0 MB  2.0M   42.0k     97.9 %        0

PORT         LINK   RECEIVED       SENT
af_xdp:eth0  down  2,000,012  1,999,997
)");
}

TEST(StatusText, FitsIntoItsColumns) {
  for (const unsigned width : {0u, 80u, 100u, 1000u}) {
    std::istringstream lines(status_text(troubled(), {.width = width}));
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(columns_of(line), std::clamp(width, 80u, 160u)) << line;
  }
}

TEST(StatusText, HasTheSameWordsInColours) {
  const std::string plain = status_text(troubled(), {});
  std::string text = status_text(troubled(), {.width = 80, .colours = true});
  EXPECT_NE(text, plain);
  for (size_t at = text.find("\033["); at != std::string::npos; at = text.find("\033["))
    text.erase(at, text.find('m', at) + 1 - at);
  EXPECT_EQ(text, plain);
}

TEST(StatusText, SaysWhenItIsNotHealthy) {
  Status status = troubled();
  status.healthy = false;
  status.why = "no backend is up";
  status.backends.pop_back();
  const std::string text = status_text(status, {});
  EXPECT_THAT(text, StartsWith("dotline 1.2.3 is NOT healthy: no backend is up (running for 1 h 0 "
                               "min)\n  ! pool \"\" has no backend that is up\n"));
}

TEST(StatusText, OfTheFirstMoment) {
  Status status = sample_status();
  status.uptime = 0;
  status.queries = 0;
  for (auto& [outcome, count] : status.replies) count = 0;
  status.caches[0] = {.name = "main", .capacity = 1000};
  status.reply_durations = {};
  status.cores[0].busy.reset();
  status.pools[0].cache.reset();
  status.pools[0].domains = {"corp.example", "10.in-addr.arpa"};
  status.pools.push_back({.name = "spare", .policy = "p2c", .cache = "main"});
  for (Status::Backend& backend : status.backends) {
    backend.durations = {};
    backend.certificate_expiry.reset();
    backend.up = false;
  }
  const std::string text = status_text(status, {});
  EXPECT_THAT(text, HasSubstr("answered from memory -, waiting"));
  EXPECT_THAT(text, HasSubstr("replies    none yet\n"));
  EXPECT_THAT(text, HasSubstr("half of the replies within -, 99 % within -"));
  EXPECT_THAT(text, HasSubstr("busy       CPU 1 -\n"));
  EXPECT_THAT(text, HasSubstr("pool \"\"    leastOutstanding over quad9, google; not cached; for "
                              "corp.example,\n           10.in-addr.arpa\n"));
  EXPECT_THAT(text, HasSubstr("pool spare p2c over no backend; cache main\n"));
  EXPECT_THAT(text, HasSubstr("quad9    no session     2     3    41.2k    -    -      -     -\n"));
  EXPECT_THAT(text, HasSubstr("  ! backend quad9 cannot be reached\n"));
}

TEST(StatusText, IsPrintableWhateverResolversSay) {
  Status status = troubled();
  status.backends[0].last_failure->text = "a\033[2Jb\nc\xff";
  EXPECT_THAT(status_text(status, {}), HasSubstr(" a\\027[2Jb\\010c\\255 (3 s"));
}

TEST(StatusText, SaysWhenWhatIsHeldUpCannotBeReached) {
  Status status = sample_status();
  status.backends[0].said = "up";
  status.backends[0].up = false;
  status.backends[0].last_failure = {"connect", "no route", kNow - 5};
  const std::vector<Problem> problems = problems_of(status);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].colour, Colour::Bad);
  EXPECT_EQ(problems[0].text,
            "backend quad9 is held up by the operator for 1 h 0 min and cannot be reached; last "
            "failure: connect: no route (5 s ago); `dotline backend auto quad9` ends that");
}

struct Standing {
  const char* name;
  const char* mode;
  const char* said;
  const char* state;
  bool in_rotation;
  bool up;
  const char* shown;
  size_t problems;
};

class StateOf : public testing::TestWithParam<Standing> {};

TEST_P(StateOf, ABackend) {
  const Standing& standing = GetParam();
  Status status = sample_status();
  status.backends = {sample_backend("one")};
  Status::Backend& backend = status.backends[0];
  backend.mode = standing.mode;
  backend.said = standing.said;
  backend.state = standing.state;
  backend.in_rotation = standing.in_rotation;
  backend.up = standing.up;
  status.pools[0].backends.clear();
  EXPECT_EQ(state_of(backend, kNow).text, standing.shown);
  EXPECT_EQ(problems_of(status).size(), standing.problems);
}

INSTANTIATE_TEST_SUITE_P(
    Backends, StateOf,
    testing::Values(
        Standing{"healthy", "lazy", "auto", "healthy", true, true, "up 1h", 0},
        Standing{"always_up", "up", "auto", "up", true, true, "up 1h", 0},
        Standing{"without_session", "lazy", "auto", "healthy", true, false, "no session", 1},
        Standing{"always_up_without_session", "up", "auto", "up", true, false, "no session", 1},
        Standing{"doubted", "lazy", "auto", "doubted", true, true, "doubted 1h", 1},
        Standing{"failed", "lazy", "auto", "failed", false, false, "out 1h", 1},
        Standing{"failed_but_reachable", "auto", "auto", "failed", false, true, "out 1h", 1},
        Standing{"down_as_configured", "down", "auto", "down", false, false, "down 1h", 0},
        Standing{"held_down", "lazy", "down", "down", false, false, "held down 1h", 1},
        Standing{"held_up", "lazy", "up", "up", true, true, "held up 1h", 1},
        Standing{"held_up_without_session", "lazy", "up", "up", true, false, "held up 1h", 1}),
    [](const auto& standing) { return standing.param.name; });

TEST(ProblemsOf, ACertificateBeginTwoWeeksBeforeItsEnd) {
  Status status = sample_status();
  status.backends[0].certificate_expiry = kNow + 14 * 86'400;
  EXPECT_EQ(problems_of(status).size(), 0u);
  status.backends[0].certificate_expiry = kNow + 14 * 86'400 - 1;
  ASSERT_EQ(problems_of(status).size(), 1u);
  EXPECT_EQ(problems_of(status)[0].text, "the certificate of backend quad9 expires in 13 d 23 h");
  status.backends[0].certificate_expiry = kNow;
  ASSERT_EQ(problems_of(status).size(), 1u);
  EXPECT_EQ(problems_of(status)[0].text, "the certificate of backend quad9 has expired");
  EXPECT_EQ(certificate_of(status.backends[0], kNow).text, "expired");
}

}  // namespace
}  // namespace control
