// Nothing is dropped silently: every name that dnsdist's documentation has is carried over, or told
// at its line; and what is told as needless is on a list that stands here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "control/draft/dnsdist_names.h"
#include "tests/control/import/import_rig.h"

namespace control {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kTwoLines =
    "addLocal('192.0.2.53')\nnewServer{address='192.0.2.1', tls='openssl', "
    "subjectName='a.example'}\n";

// Functions and the like, of all versions up to 2.1, that are told as something to be done.
constexpr const char* kToBeDone[] = {"addDOH3Local",
                                     "addDOQLocal",
                                     "addDNSCryptBind",
                                     "addResponseAction",
                                     "addCacheHitResponseAction",
                                     "addCacheMissAction",
                                     "addCacheInsertedResponseAction",
                                     "addSelfAnsweredResponseAction",
                                     "addXFRResponseAction",
                                     "addTimeoutResponseAction",
                                     "addLuaAction",
                                     "addLuaResponseAction",
                                     "addAnyTCRule",
                                     "addDomainBlock",
                                     "addDomainSpoof",
                                     "addDomainCNAMESpoof",
                                     "addDisableValidationRule",
                                     "addNoRecurseRule",
                                     "addDelay",
                                     "addQPSPoolRule",
                                     "addQPSLimit",
                                     "blockFilter",
                                     "setRules",
                                     "newRuleAction",
                                     "mvRule",
                                     "mvRuleToTop",
                                     "rmRule",
                                     "topRule",
                                     "clearRules",
                                     "getRule",
                                     "getAction",
                                     "mvResponseRule",
                                     "mvResponseRuleToTop",
                                     "rmResponseRule",
                                     "clearResponseRules",
                                     "getResponseRule",
                                     "topResponseRule",
                                     "mvCacheHitResponseRule",
                                     "mvCacheHitResponseRuleToTop",
                                     "rmCacheHitResponseRule",
                                     "clearCacheHitResponseRules",
                                     "getCacheHitResponseRule",
                                     "topCacheHitResponseRule",
                                     "mvCacheInsertedResponseRule",
                                     "mvCacheInsertedResponseRuleToTop",
                                     "rmCacheInsertedResponseRule",
                                     "clearCacheInsertedResponseRules",
                                     "getCacheInsertedResponseRule",
                                     "topCacheInsertedResponseRule",
                                     "mvSelfAnsweredResponseRule",
                                     "mvSelfAnsweredResponseRuleToTop",
                                     "rmSelfAnsweredResponseRule",
                                     "clearSelfAnsweredResponseRules",
                                     "getSelfAnsweredResponseRule",
                                     "topSelfAnsweredResponseRule",
                                     "mvXFRResponseRule",
                                     "rmXFRResponseRule",
                                     "clearXFRResponseRules",
                                     "getXFRResponseRule",
                                     "topXFRResponseRule",
                                     "mvTimeoutResponseRule",
                                     "rmTimeoutResponseRule",
                                     "clearTimeoutResponseRules",
                                     "getTimeoutResponseRule",
                                     "topTimeoutResponseRule",
                                     "mvCacheMissRule",
                                     "mvCacheMissRuleToTop",
                                     "rmCacheMissRule",
                                     "clearCacheMissRules",
                                     "getCacheMissRule",
                                     "getCacheMissAction",
                                     "topCacheMissRule",
                                     "addDynBlocks",
                                     "addDynamicBlock",
                                     "addDynBlockSMT",
                                     "dynBlockRulesGroup",
                                     "setDynBlocksAction",
                                     "setDynBlocksPurgeInterval",
                                     "exceedNXDOMAINs",
                                     "exceedServFails",
                                     "exceedQRate",
                                     "exceedQTypeRate",
                                     "exceedRespByterate",
                                     "addBPFFilterDynBlocks",
                                     "newBPFFilter",
                                     "newDynBPFFilter",
                                     "registerDynBPFFilter",
                                     "unregisterDynBPFFilter",
                                     "setDefaultBPFFilter",
                                     "newQPSLimiter",
                                     "setDropEmptyQueries",
                                     "setAllowEmptyResponse",
                                     "addMaintenanceCallback",
                                     "addExitCallback",
                                     "addServerStateChangeCallback",
                                     "setServerPolicyLua",
                                     "setServerPolicyLuaFFI",
                                     "setServerPolicyLuaFFIPerThread",
                                     "setPoolServerPolicyLua",
                                     "setPoolServerPolicyLuaFFI",
                                     "setPoolServerPolicyLuaFFIPerThread",
                                     "newServerPolicy",
                                     "newThread",
                                     "submitToMainThread",
                                     "registerWebHandler",
                                     "load",
                                     "loadstring",
                                     "newDNSParser",
                                     "newDNSPacketOverlay",
                                     "getAsynchronousObject",
                                     "include",
                                     "includeDirectory",
                                     "dofile",
                                     "loadfile",
                                     "require",
                                     "enableLuaConfiguration",
                                     "getObjectFromYAMLConfiguration",
                                     "getListOfNetworkInterfaces",
                                     "getListOfAddressesOfNetworkInterface",
                                     "getListOfRangesOfNetworkInterface",
                                     "getMACAddress",
                                     "getCurrentTime",
                                     "getServerID",
                                     "getVerbose",
                                     "setACLFromFile",
                                     "newCDBKVStore",
                                     "newLMDBKVStore",
                                     "newDnstapLogger",
                                     "newFrameStreamUnixLogger",
                                     "newFrameStreamTcpLogger",
                                     "newRemoteLogger",
                                     "setQueryCount",
                                     "setQueryCountFilter",
                                     "setOpenTelemetryTracing",
                                     "carbonServer",
                                     "snmpAgent",
                                     "sendCustomTrap",
                                     "setAPIWritable",
                                     "declareMetric",
                                     "incMetric",
                                     "decMetric",
                                     "setMetric",
                                     "getMetric",
                                     "getStatisticsCounters",
                                     "setProxyProtocolACL",
                                     "setProxyProtocolApplyACLToProxiedClients",
                                     "setProxyProtocolMaximumPayloadSize",
                                     "getBind",
                                     "getDOHFrontend",
                                     "getDOH3Frontend",
                                     "getDOQFrontend",
                                     "getTLSContext",
                                     "getTLSFrontend",
                                     "getDNSCryptBind",
                                     "newDOHResponseMapEntry",
                                     "loadTicketsKey",
                                     "newTLSCertificate",
                                     "generateDNSCryptCertificate",
                                     "generateDNSCryptProviderKeys",
                                     "generateOCSPResponse",
                                     "rmServer",
                                     "getServers",
                                     "getPoolServers",
                                     "getPoolNames",
                                     "setMaxTCPConnectionRatePerClient",
                                     "setMaxTLSNewSessionRatePerClient",
                                     "setMaxTLSResumedSessionRatePerClient",
                                     "setTCPConnectionRateInterval",
                                     "setBanDurationForExceedingTCPTLSRate",
                                     "setBanDurationForExceedingMaxReadIOsPerQuery",
                                     "setMaxTCPReadIOsPerQuery",
                                     "setTCPConnectionsMaskV4",
                                     "setTCPConnectionsMaskV6",
                                     "setTCPConnectionsMaskV4Port",
                                     "setMaxCachedTCPConnectionsPerDownstream",
                                     "setMaxCachedDoHConnectionsPerDownstream",
                                     "setMaxIdleDoHConnectionsPerDownstream",
                                     "setWebserverConfig"};

// Those that have no effect here: the whole list, and each is told with its reason.
constexpr const char* kNeedless[] = {
    // The console, and what it shows.
    "controlSocket", "setKey", "makeKey", "addConsoleACL", "setConsoleACL",
    "setConsoleConnectionsLogging", "setConsoleMaximumConcurrentConnections",
    "setConsoleOutputMaxMsgSize", "clearConsoleHistory", "inClientStartup", "inConfigCheck",
    "shutdown", "delta", "testCrypto", "benchRule", "hashPassword", "makeIPCipherKey", "show",
    "showACL", "showBinds", "showConsoleACL", "showDNSCryptBinds", "showDOHFrontends",
    "showDOH3Frontends", "showDOHResponseCodes", "showDOQFrontends", "showDynBlocks", "showPools",
    "showPoolServerPolicy", "showResponseLatency", "showRules", "showResponseRules",
    "showCacheHitResponseRules", "showCacheInsertedResponseRules", "showCacheMissRules",
    "showSelfAnsweredResponseRules", "showXFRResponseRules", "showTimeoutResponseRules",
    "showSecurityStatus", "showServerPolicy", "showServers", "showTCPStats", "showTLSContexts",
    "showTLSErrorCounters", "showTLSFrontends", "showVersion", "showWebserverConfig", "dumpStats",
    "grepq", "topBandwidth", "topCacheHitResponseRules", "topCacheInsertedResponseRules",
    "topCacheMissRules", "topClients", "topQueries", "topResponseRules", "topResponses", "topRules",
    "topSelfAnsweredResponseRules", "topSlow", "topTimeouts", "getTopBandwidth",
    "getTopCacheHitResponseRules", "getTopQueries", "getTopResponseRules", "getTopResponses",
    "getTopRules", "getTopSelfAnsweredResponseRules", "getBindCount", "getDNSCryptBindCount",
    "getDOHFrontendCount", "getDOH3FrontendCount", "getDOQFrontendCount", "getTLSFrontendCount",
    "getDynamicBlocks", "getDynamicBlocksSMT", "getOutgoingTLSSessionCacheSize", "getQueryCounters",
    "getResponseRing", "getRespRing", "getSlowResponses", "clearDynBlocks", "clearQueryCounters",
    "printDNSCryptProviderFingerprint", "requestTCPStatesDump", "reloadAllCertificates",
    // Numbers of threads, buffers and messages in waiting.
    "setCacheCleaningDelay", "setCacheCleaningPercentage", "setMaxTCPClientThreads",
    "setMaxUDPOutstanding", "setMaxTCPQueuedConnections", "setRingBuffersSize",
    "setRingBuffersLockRetries", "setRingBuffersOptions", "setTCPUseSinglePipe",
    "setTCPInternalPipeBufferSize", "setTCPDownstreamCleanupInterval",
    "setDoHDownstreamCleanupInterval", "setOutgoingDoHWorkerThreads",
    "setOutgoingTLSSessionsCacheCleanupDelay", "setOutgoingTLSSessionsCacheMaxTicketValidity",
    "setOutgoingTLSSessionsCacheMaxTicketsPerBackend", "setUDPMultipleMessagesVectorSize",
    "setUDPSocketBufferSizes", "setUDPTimeout",
    // What dotline does, or needs not do, in any case.
    "setECSOverride", "setECSSourcePrefixV4", "setECSSourcePrefixV6", "newXsk", "loadTLSEngine",
    "loadTLSProvider", "setTCPFastOpenKey", "setSecurityPollSuffix", "setSecurityPollInterval",
    "setRandomizedIdsOverUDP", "setRandomizedOutgoingSockets", "setVerboseHealthChecks",
    "addCapabilitiesToRetain", "setServerID", "setPayloadSizeOnSelfGeneratedAnswers",
    "setAddEDNSToSelfGeneratedResponses", "truncateTC", "fixupCase", "setSyslogFacility",
    "setStructuredLogging", "setVerboseLogDestination", "setServFailWhenNoServer",
    "setRoundRobinFailOnNoServer", "setWHashedPerturbation", "errlog", "warnlog", "infolog",
    "vinfolog", "debuglog"};

// Each with arguments, and what it brings about in the configuration.
struct Carried {
  const char* call;
  const char* yaml;
};
constexpr Carried kCarried[] = {
    {"addLocal('192.0.2.7')", "192.0.2.7:53"},
    {"setLocal('192.0.2.7')", "192.0.2.7:53"},
    {"addTLSLocal('192.0.2.7', 'a', 'b')", "protocol: DoT"},
    {"addDOHLocal('192.0.2.7', 'a', 'b')", "protocol: DoH"},
    {"setACL('192.0.2.0/24')", "acl:\n  - \"192.0.2.0/24\""},
    {"addACL('192.0.2.0/24')", "  - \"192.0.2.0/24\""},
    {"rmACL('fe80::/10')", "  - \"fc00::/7\"\npools"},
    {"newServer{address='192.0.2.8', tls='openssl', subjectName='b.example'}", "192.0.2.8:853"},
    {"getServer(0):setOrder(7)", "order: 7"},
    {"getPool(''):setCache(newPacketCache(77))", "size: 77"},
    {"setServerPolicy(chashed)", "default_policy: chashed"},
    {"setPoolServerPolicy(whashed, '')", "policy: whashed"},
    {"setWeightedBalancingFactor(1.5)", "weighted_balancing_factor: 1.5"},
    {"setConsistentHashingBalancingFactor(1.5)", "consistent_hashing_balancing_factor: 1.5"},
    {"webserver('127.0.0.1:8083')", "address: 127.0.0.1:8083"},
    {"setVerbose(true)", "level: debug"},
    {"addAction('b.example', PoolAction('x'))", "- b.example"},
    {"addPoolRule('b.example', 'x')", "- b.example"},
    {"setMaxTCPConnectionsPerClient(9)", "max_connections_per_client: 9"},
    {"setMaxTCPQueriesPerConnection(9)", "max_queries_per_connection: 9"},
    {"setMaxTCPConnectionDuration(9)", "max_connection_duration: 9"},
    {"setTCPRecvTimeout(9)", "receive_timeout: 9"},
    {"setTCPSendTimeout(9)", "send_timeout: 9"},
    {"setTCPConnectionsOverloadThreshold(9)", "connections_overload_threshold: 9"},
    {"getPool(''):setCache(newPacketCache(77)) setStaleCacheEntriesTTL(9)", "max_stale: 9"},
    {"setTCPDownstreamMaxIdleTime(9)", "idle_timeout: 9000"},
    {"newServer{address='192.0.2.8', tls='openssl', dohPath='/q', subjectName='b.example'} "
     "setDoHDownstreamMaxIdleTime(9)",
     "idle_timeout: 9000"},
};

constexpr const char* kSelectors[] = {"DNSSECRule",
                                      "EDNSOptionRule",
                                      "EDNSVersionRule",
                                      "ERCodeRule",
                                      "HTTPHeaderRule",
                                      "HTTPPathRegexRule",
                                      "HTTPPathRule",
                                      "KeyValueStoreLookupRule",
                                      "KeyValueStoreRangeLookupRule",
                                      "LuaFFIPerThreadRule",
                                      "LuaFFIRule",
                                      "LuaRule",
                                      "MaxQPSIPRule",
                                      "MaxQPSRule",
                                      "NotRule",
                                      "OpcodeRule",
                                      "PayloadSizeRule",
                                      "PoolAvailableRule",
                                      "PoolOutstandingRule",
                                      "ProbaRule",
                                      "ProxyProtocolValueRule",
                                      "QClassRule",
                                      "QNameLabelsCountRule",
                                      "QNameRule",
                                      "QNameSetRule",
                                      "QNameWireLengthRule",
                                      "QTypeRule",
                                      "RCodeRule",
                                      "RDRule",
                                      "RE2Rule",
                                      "RecordsCountRule",
                                      "RecordsTypeCountRule",
                                      "RegexRule",
                                      "SNIRule",
                                      "TCPRule",
                                      "TagRule",
                                      "TimedIPSetRule",
                                      "TrailingDataRule"};
constexpr const char* kActions[] = {"AllowAction",
                                    "ContinueAction",
                                    "DelayAction",
                                    "DnstapLogAction",
                                    "DropAction",
                                    "ERCodeAction",
                                    "HTTPStatusAction",
                                    "KeyValueStoreLookupAction",
                                    "KeyValueStoreRangeLookupAction",
                                    "LogAction",
                                    "LuaAction",
                                    "LuaFFIAction",
                                    "LuaFFIPerThreadAction",
                                    "NegativeAndSOAAction",
                                    "NoneAction",
                                    "QPSAction",
                                    "QPSPoolAction",
                                    "RCodeAction",
                                    "RemoteLogAction",
                                    "SetAdditionalProxyProtocolValueAction",
                                    "SetDisableECSAction",
                                    "SetDisableValidationAction",
                                    "SetECSAction",
                                    "SetECSOverrideAction",
                                    "SetECSPrefixLengthAction",
                                    "SetEDNSOptionAction",
                                    "SetExtendedDNSErrorAction",
                                    "SetMacAddrAction",
                                    "SetMaxReturnedTTLAction",
                                    "SetNoRecurseAction",
                                    "SetProxyProtocolValuesAction",
                                    "SetSkipCacheAction",
                                    "SetTagAction",
                                    "SetTempFailureCacheTTLAction",
                                    "SNMPTrapAction",
                                    "SpoofAction",
                                    "SpoofCNAMEAction",
                                    "SpoofPacketAction",
                                    "SpoofRawAction",
                                    "SpoofSVCAction",
                                    "TCAction",
                                    "TeeAction"};

std::string on_third_line(const std::string& statement, Remark::Kind kind) {
  std::string lines;
  for (const Remark& remark : import(kTwoLines + statement + "\n").remarks) {
    if (remark.line == 3 && remark.kind == kind) lines += remark.what + ": " + remark.why + "\n";
  }
  return lines;
}

TEST(ImportNames, TellsWhatIsToBeDone) {
  for (const char* name : kToBeDone) {
    const std::string statement = std::string(name) + "()";
    EXPECT_THAT(on_third_line(statement, Remark::Kind::ToDo), HasSubstr(name));
    EXPECT_THAT(on_third_line(statement, Remark::Kind::ToDo), Not(HasSubstr("knows nothing")))
        << name << " is documented";
  }
}

TEST(ImportNames, TellsWhatIsNeedlessWithAReason) {
  for (const char* name : kNeedless) {
    EXPECT_THAT(on_third_line(std::string(name) + "()", Remark::Kind::Note), HasSubstr(name));
    EXPECT_EQ(on_third_line(std::string(name) + "()", Remark::Kind::ToDo), "") << name;
  }
}

TEST(ImportNames, TakesNothingForNeedlessByTheLookOfIt) {
  for (const char* name : kNeedless) {
    EXPECT_THAT(on_third_line(std::string(name) + "X()", Remark::Kind::ToDo),
                HasSubstr("dotline knows nothing of that name"));
  }
  for (const char* name : {"addFooRule", "FooAction", "setMaxFoo", "setTCPFoo", "showFoo", "mvFoo",
                           "rmFoo", "topFoo", "clearFoo", "setCacheFoo", "setRingFoo"}) {
    EXPECT_THAT(on_third_line(std::string(name) + "(1)", Remark::Kind::ToDo),
                HasSubstr(std::string(name) + ": dotline knows nothing of that name"));
  }
}

TEST(ImportNames, CarriesTheOthersOver) {
  for (const Carried& carried : kCarried) {
    EXPECT_THAT(yaml_from(kTwoLines + carried.call), HasSubstr(carried.yaml)) << carried.call;
    EXPECT_EQ(on_third_line(carried.call, Remark::Kind::ToDo), "") << carried.call;
  }
}

TEST(ImportNames, TellsCallsThatMakeNoSense) {
  for (const char* name : {"addLocal",
                           "setLocal",
                           "addTLSLocal",
                           "addDOHLocal",
                           "setACL",
                           "addACL",
                           "rmACL",
                           "newServer",
                           "getServer",
                           "newPacketCache",
                           "setServerPolicy",
                           "setPoolServerPolicy",
                           "setWeightedBalancingFactor",
                           "webserver",
                           "addAction",
                           "addPoolRule",
                           "PoolAction",
                           "setTCPRecvTimeout",
                           "getAddressInfo",
                           "NetmaskGroupRule",
                           "DSTPortRule",
                           "OrRule",
                           "AndRule",
                           "makeRule"}) {
    EXPECT_NE(on_third_line(std::string("addAction(AllRule(), ") + name + "(function() end))",
                            Remark::Kind::ToDo),
              "")
        << name;
  }
}

TEST(ImportNames, TellsRulesByWhatTheyDo) {
  for (const char* selector : kSelectors) {
    EXPECT_THAT(on_third_line("addAction(" + std::string(selector) + "(), PoolAction('x'))",
                              Remark::Kind::ToDo),
                HasSubstr("addAction(" + std::string(selector) + "()"));
    EXPECT_TRUE(is_told_by_its_user(selector));
  }
  for (const char* action : kActions) {
    EXPECT_THAT(
        on_third_line("addAction(AllRule(), " + std::string(action) + "())", Remark::Kind::ToDo),
        HasSubstr(action));
    EXPECT_TRUE(is_told_by_its_user(action));
  }
}

TEST(ImportNames, KnowsEachNameOnce) {
  std::set<std::string> names;
  for (const char* name : kToBeDone) EXPECT_TRUE(names.insert(name).second) << name;
  for (const char* name : kNeedless) EXPECT_TRUE(names.insert(name).second) << name;
  for (const std::string& name : names) EXPECT_TRUE(is_listed(name)) << name;
}

// Options: of addLocal and its like, of newServer, of newPacketCache.
constexpr const char* kBindOptions[] = {"doTCP=false",
                                        "reusePort=true",
                                        "tcpFastOpenQueueSize=5",
                                        "interface='eth0'",
                                        "cpus={1}",
                                        "tcpListenQueueSize=9",
                                        "maxInFlight=9",
                                        "maxConcurrentTCPConnections=9",
                                        "enableProxyProtocol=false",
                                        "xskSocket='x'",
                                        "provider='gnutls'",
                                        "ciphers='x'",
                                        "ciphersTLS13='x'",
                                        "ticketKeyFile='x'",
                                        "ticketsKeysRotationDelay=1",
                                        "sessionTimeout=1",
                                        "sessionTickets=false",
                                        "numberOfTicketsKeys=1",
                                        "numberOfStoredSessions=1",
                                        "ocspResponses={'x'}",
                                        "minTLSVersion='tls1.0'",
                                        "preferServerCiphers=false",
                                        "keyLogFile='x'",
                                        "releaseBuffers=false",
                                        "enableRenegotiation=true",
                                        "tlsAsyncMode=true",
                                        "additionalAddresses={'x'}",
                                        "ktls=true",
                                        "readAhead=false",
                                        "proxyProtocolOutsideTLS=true",
                                        "ignoreTLSConfigurationErrors=true",
                                        "idleTimeout=9",
                                        "serverTokens='x'",
                                        "customResponseHeaders={x='y'}",
                                        "sendCacheControlHeaders=false",
                                        "keepIncomingHeaders=true",
                                        "trustForwardedForHeader=true",
                                        "earlyACLDrop=false",
                                        "exactPathMatching=false",
                                        "internalPipeBufferSize=1",
                                        "library='h2o'",
                                        "frobnicate=1"};
constexpr const char* kServerOptions[] = {"id='x'",
                                          "qps='many'",
                                          "order='first'",
                                          "weight=0",
                                          "retries=1",
                                          "udpTimeout=1",
                                          "tcpConnectTimeout=1",
                                          "tcpSendTimeout=1",
                                          "tcpRecvTimeout=1",
                                          "tcpFastOpen=true",
                                          "ipBindAddrNoPort=false",
                                          "checkType='ANY'",
                                          "checkClass=1",
                                          "checkName='a b'",
                                          "checkFunction=print",
                                          "checkTimeout=1",
                                          "setCD=true",
                                          "maxCheckFailures=0",
                                          "rise=0",
                                          "checkInterval=0",
                                          "mustResolve=true",
                                          "useClientSubnet=true",
                                          "source='eth0'",
                                          "sockets=4",
                                          "disableZeroScope=true",
                                          "reconnectOnUp=true",
                                          "maxInFlight=1",
                                          "tcpOnly=true",
                                          "checkTCP=true",
                                          "useProxyProtocol=true",
                                          "validateCertificates=false",
                                          "addXForwardedHeaders=true",
                                          "releaseBuffers=false",
                                          "enableRenegotiation=true",
                                          "autoUpgrade=true",
                                          "autoUpgradeInterval=1",
                                          "autoUpgradeKeep=true",
                                          "autoUpgradePool='x'",
                                          "autoUpgradeDoHKey=1",
                                          "autoUpgradeUseLazyHealthCheck=true",
                                          "maxConcurrentTCPConnections=1",
                                          "lazyHealthCheckSampleSize=0",
                                          "lazyHealthCheckMinSampleCount=0",
                                          "lazyHealthCheckThreshold=0",
                                          "lazyHealthCheckFailedInterval=0",
                                          "lazyHealthCheckMode='x'",
                                          "lazyHealthCheckMaxBackOff=0",
                                          "healthCheckMode='x'",
                                          "ktls=true",
                                          "proxyProtocolAdvertiseTLS=true",
                                          "xskSockets={1}",
                                          "MACAddr='x'",
                                          "dscp=1",
                                          "cpus={1}",
                                          "subjectName='a b'",
                                          "subjectAddr='x'",
                                          "ciphers='x'",
                                          "ciphersTLS13='x'",
                                          "frobnicate=1"};
constexpr const char* kCacheOptions[] = {"deferrableInsertLock=false",
                                         "dontAge=true",
                                         "keepStaleData=true",
                                         "maxTTL=0",
                                         "minTTL=99999",
                                         "maxNegativeTTL=-1",
                                         "numberOfShards=1",
                                         "parseECS=true",
                                         "staleTTL=0",
                                         "temporaryFailureTTL=0",
                                         "cookieHashing=true",
                                         "skipOptions={1}",
                                         "maximumEntrySize=1",
                                         "shuffle=true",
                                         "payloadRanks={1}",
                                         "truncatedTTL=1",
                                         "frobnicate=1"};

std::string all_on_third_line(const std::string& statement) {
  return on_third_line(statement, Remark::Kind::ToDo) +
         on_third_line(statement, Remark::Kind::Note);
}

std::string name_of(const std::string& option) { return option.substr(0, option.find('=')); }

TEST(ImportNames, TellsEveryOptionThatIsNotCarriedOver) {
  for (const std::string option : kBindOptions) {
    const std::string call = "addDOHLocal('192.0.2.7', 'a', 'b', '/', {" + option + "})";
    const bool is_an_address = option == "additionalAddresses={'x'}";
    EXPECT_THAT(all_on_third_line(call),
                HasSubstr(is_an_address ? "addDOHLocal x" : "addDOHLocal." + name_of(option)))
        << option;
  }
  for (const std::string option : kServerOptions) {
    const std::string call = "newServer{address='192.0.2.8', tls='openssl', " + option + "}";
    EXPECT_THAT(all_on_third_line(call), HasSubstr("newServer." + name_of(option))) << option;
  }
  for (const std::string option : kCacheOptions) {
    const std::string call = "getPool(''):setCache(newPacketCache(9, {" + option + "}))";
    EXPECT_THAT(all_on_third_line(call), HasSubstr("newPacketCache." + name_of(option))) << option;
  }
}

}  // namespace
}  // namespace control
