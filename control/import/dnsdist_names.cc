#include "control/import/dnsdist_names.h"

#include <array>
#include <span>

namespace control {
namespace {

using Kind = Remark::Kind;

struct Known {
  std::string_view name;
  NotCarried reason;
};

constexpr NotCarried kTransports{
    Kind::ToDo, "clients are answered over UDP, TCP, TLS and HTTP/2; keep another server for them"};
constexpr NotCarried kConsole{
    Kind::Note, "dotline has no console; `dotline status` and the metrics tell what is going on"};
constexpr NotCarried kRules{Kind::ToDo,
                            "dotline has no rules: it does not filter, change or limit queries"};
constexpr NotCarried kCode{Kind::ToDo, "dotline runs no code for queries or from a timer"};
constexpr NotCarried kFile{
    Kind::ToDo, "other files and programs are not read here; import that file by itself"};
constexpr NotCarried kOutside{Kind::ToDo,
                              "nothing outside of the file is read here; write the values into it"};
constexpr NotCarried kQueryLog{
    Kind::ToDo,
    "dotline keeps no record of queries and answers; take one elsewhere if you need it"};
constexpr NotCarried kMonitoring{Kind::ToDo,
                                 "dotline is asked by Prometheus, at `metrics.address`"};
constexpr NotCarried kNeedless{Kind::Note, "not needed in dotline, whose limits are in the manual"};
constexpr NotCarried kTimes{
    Kind::Note, "dotline has a deadline for each query instead: `backends[].query_timeout`"};
constexpr NotCarried kMemory{
    Kind::Note, "not needed in dotline: `tls_workers` and `dataplane.cores` set what it uses"};

constexpr std::array kGlobals = {
    Known{"addDOH3Local", kTransports},
    Known{"addDOQLocal", kTransports},
    Known{"addDNSCryptBind", kTransports},
    Known{"addAction", kRules},
    Known{"addResponseAction", kRules},
    Known{"addCacheHitResponseAction", kRules},
    Known{"addCacheMissAction", kRules},
    Known{"addCacheInsertedResponseAction", kRules},
    Known{"addSelfAnsweredResponseAction", kRules},
    Known{"addDynBlocks", kRules},
    Known{"addDynBlockSMT", kRules},
    Known{"dynBlockRulesGroup", kRules},
    Known{"setDynBlocksAction", kRules},
    Known{"addBPFFilterDynBlocks", kRules},
    Known{"newBPFFilter", kRules},
    Known{"setDefaultBPFFilter", kRules},
    Known{"mvRule", kRules},
    Known{"rmRule", kRules},
    Known{"topRule", kRules},
    Known{"setRules", kRules},
    Known{"maintenance", kCode},
    Known{"setServerPolicyLua", kCode},
    Known{"setServerPolicyLuaFFI", kCode},
    Known{"setPoolServerPolicyLua", kCode},
    Known{"setPoolServerPolicyLuaFFI", kCode},
    Known{"newServerPolicy", kCode},
    Known{"newThread", kCode},
    Known{"load", kCode},
    Known{"loadstring", kCode},
    Known{"include", kFile},
    Known{"includeDirectory", kFile},
    Known{"dofile", kFile},
    Known{"loadfile", kFile},
    Known{"require", kFile},
    Known{"io", kOutside},
    Known{"os", kOutside},
    Known{"debug", kOutside},
    Known{"package", kOutside},
    Known{"coroutine", kOutside},
    Known{"setACLFromFile", kOutside},
    Known{"newCDBKVStore", kOutside},
    Known{"newLMDBKVStore", kOutside},
    Known{"loadTLSEngine", kNeedless},
    Known{"loadTLSProvider", kNeedless},
    Known{"carbonServer", kMonitoring},
    Known{"snmpAgent", kMonitoring},
    Known{"setWebserverConfig",
          {Kind::ToDo,
           "the metrics have no password and no access list; keep `metrics.address` on loopback"}},
    Known{"setAPIWritable", kMonitoring},
    Known{"newDnstapLogger", kQueryLog},
    Known{"newFrameStreamUnixLogger", kQueryLog},
    Known{"newFrameStreamTcpLogger", kQueryLog},
    Known{"newRemoteLogger", kQueryLog},
    Known{"controlSocket", kConsole},
    Known{"setKey", kConsole},
    Known{"makeKey", kConsole},
    Known{"addConsoleACL", kConsole},
    Known{"setConsoleACL", kConsole},
    Known{"setConsoleConnectionsLogging", kConsole},
    Known{"setConsoleMaximumConcurrentConnections", kConsole},
    Known{"setConsoleOutputMaxMsgSize", kConsole},
    Known{"shutdown", kConsole},
    Known{"setECSOverride",
          {Kind::Note, "dotline sends no client subnet; resolvers see its own address only"}},
    Known{"setECSSourcePrefixV4",
          {Kind::Note, "dotline sends no client subnet; resolvers see its own address only"}},
    Known{"setECSSourcePrefixV6",
          {Kind::Note, "dotline sends no client subnet; resolvers see its own address only"}},
    Known{
        "setProxyProtocolACL",
        {Kind::ToDo, "dotline does not speak the PROXY protocol: clients must reach it directly"}},
    Known{"setServFailWhenNoServer",
          {Kind::Note, "dotline always says SERVFAIL when no resolver can be asked"}},
    Known{"setRoundRobinFailOnNoServer",
          {Kind::Note, "dotline tries every resolver when none is in rotation"}},
    Known{"setWHashedPerturbation", {Kind::Note, "dotline draws it at each start"}},
    Known{"setUDPTimeout", kTimes},
    Known{"setTCPRecvTimeout", kTimes},
    Known{"setTCPSendTimeout", kTimes},
    Known{"setCacheCleaningDelay", kMemory},
    Known{"setCacheCleaningPercentage", kMemory},
    Known{"setMaxTCPClientThreads", kMemory},
    Known{"setMaxUDPOutstanding", kMemory},
    Known{"setRingBuffersSize", kMemory},
    Known{"setRingBuffersLockRetries", kMemory},
    Known{"setRingBuffersOptions", kMemory},
    Known{"setTCPUseSinglePipe", kMemory},
    Known{"setUDPMultipleMessagesVectorSize", kMemory},
    Known{"setUDPSocketBufferSizes", kMemory},
    Known{
        "setStaleCacheEntriesTTL",
        {Kind::ToDo, "write it into each packet cache as `max_stale`; dotline's default is a day"}},
    Known{"setPayloadSizeOnSelfGeneratedAnswers", kNeedless},
    Known{"setAddEDNSToSelfGeneratedResponses", kNeedless},
    Known{"setSecurityPollSuffix", kNeedless},
    Known{"setSecurityPollInterval", kNeedless},
    Known{"setRandomizedIdsOverUDP", kNeedless},
    Known{"setRandomizedOutgoingSockets", kNeedless},
    Known{"setVerboseHealthChecks", kNeedless},
    Known{"setSyslogFacility", kNeedless},
    Known{"setStructuredLogging", kNeedless},
    Known{"registerDynBPFFilter", kRules},
    Known{"addCapabilitiesToRetain", kNeedless},
};

constexpr NotCarried kSessions{
    Kind::Note, "not needed in dotline, which keeps pipelined sessions with a deadline each query"};
constexpr NotCarried kTransport{Kind::Note, "does not matter to sessions over TLS in dotline"};
constexpr NotCarried kUpgrade{
    Kind::ToDo, "dotline upgrades nothing by itself; write what the resolver speaks into `tls`"};

constexpr std::array kServerParameters = {
    Known{"addXForwardedHeaders", {Kind::ToDo, "dotline tells resolvers nothing about clients"}},
    Known{"autoUpgrade", kUpgrade},
    Known{"autoUpgradeDoHKey", kUpgrade},
    Known{"autoUpgradeInterval", kUpgrade},
    Known{"autoUpgradeKeep", kUpgrade},
    Known{"autoUpgradePool", kUpgrade},
    Known{"checkClass", {Kind::ToDo, "checks are of class IN"}},
    Known{"checkFunction",
          {Kind::ToDo,
           "dotline runs no code for checks; `health_checks.random_label: true` asks for another "
           "name each time, which is what most of them are for"}},
    Known{"checkTCP", kTransport},
    Known{"cpus", kSessions},
    Known{"disableZeroScope", kTransport},
    Known{"dscp", {Kind::ToDo, "dotline marks no packets; the kernel's firewall can"}},
    Known{"enableRenegotiation", {Kind::ToDo, "dotline never renegotiates"}},
    Known{"id", kSessions},
    Known{"ipBindAddrNoPort", kTransport},
    Known{"ktls", kTransport},
    Known{"MACAddr", kTransport},
    Known{"maxConcurrentTCPConnections",
          {Kind::ToDo, "`tls_workers.sessions_per_backend` is the nearest"}},
    Known{"maxUDPOutstanding", kTransport},
    Known{"mustResolve",
          {Kind::ToDo, "a check is good unless the answer is SERVFAIL, NXDOMAIN included"}},
    Known{"reconnectOnUp", kSessions},
    Known{"releaseBuffers", kSessions},
    Known{"retries", kSessions},
    Known{"setCD", {Kind::ToDo, "checks are sent without CD"}},
    Known{"sockets", kSessions},
    Known{"source",
          {Kind::ToDo, "sessions leave from where the kernel's routes say; `ip route ... src`"}},
    Known{"tcpConnectTimeout", kSessions},
    Known{"tcpFastOpen", kSessions},
    Known{"tcpOnly", kTransport},
    Known{"tcpRecvTimeout", kSessions},
    Known{"tcpSendTimeout", kSessions},
    Known{"udpTimeout", kTransport},
    Known{"useClientSubnet",
          {Kind::ToDo,
           "dotline sends no client subnet: resolvers answer as is best for its own address"}},
    Known{"useProxyProtocol", {Kind::ToDo, "dotline tells resolvers nothing about clients"}},
    Known{"validateCertificates", {Kind::ToDo, "dotline always checks certificates"}},
    Known{"xskSockets", {Kind::Note, "packets come from `dataplane.ports`"}},
};

const NotCarried* find(std::span<const Known> known, std::string_view name) {
  for (const Known& entry : known) {
    if (entry.name == name) return &entry.reason;
  }
  return nullptr;
}

bool begins_with_one_of(std::string_view name, std::span<const std::string_view> fronts) {
  for (const std::string_view front : fronts) {
    if (name.starts_with(front)) return true;
  }
  return false;
}

// What dnsdist's console shows, dumps or forgets.
constexpr std::string_view kShown[] = {"show", "dump", "grep",  "delta", "clear", "rm",
                                       "mv",   "top",  "stats", "test",  "reload"};
// Numbers of threads, connections and messages in waiting.
constexpr std::string_view kTuned[] = {"setMax",   "setTCP",  "setOutgoing", "setDoH",    "setUDP",
                                       "setCache", "setRing", "setDoQ",      "setConsole"};

}  // namespace

NotCarried why_not_carried(std::string_view name) {
  if (const NotCarried* known = find(kGlobals, name)) return *known;
  if (begins_with_one_of(name, kShown)) return kConsole;
  if (begins_with_one_of(name, kTuned)) return kMemory;
  if (name.ends_with("Rule") || name.ends_with("Action")) return kRules;
  return {Kind::ToDo, "dotline has nothing of that name"};
}

NotCarried why_no_parameter_of_server(std::string_view name) {
  if (const NotCarried* known = find(kServerParameters, name)) return *known;
  return {Kind::ToDo, "dotline has nothing of that name"};
}

bool is_without_effect(std::string_view name) {
  constexpr std::string_view kConstants[] = {"DNSRCode",       "DNSQType",      "DNSClass",
                                             "QClass",         "DNSOpcode",     "DNSSection",
                                             "DNSAction",      "DNSQClass",     "DNSResponseAction",
                                             "EDNSOptionCode", "EDNSZ",         "dnsdist_ffi",
                                             "StatNode",       "DNSHeaderFlags"};
  for (const std::string_view constant : kConstants) {
    if (name == constant) return true;
  }
  return name.ends_with("Rule") || name.ends_with("Action") || name == "NetmaskTree";
}

}  // namespace control
