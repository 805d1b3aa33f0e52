#include "control/draft/dnsdist_names.h"

#include <algorithm>
#include <span>

namespace control {
namespace {

using Kind = Remark::Kind;
using Names = std::span<const std::string_view>;

/// Names that the same is to be said about.
struct Group {
  NotCarried reason;
  Names names;
};

constexpr NotCarried kUnknown{
    Kind::ToDo, "dotline knows nothing of that name; whatever it does is not carried over"};

// Globals: what the operator has to do something about.
constexpr std::string_view kTransports[] = {"addDOH3Local", "addDOQLocal", "addDNSCryptBind"};
constexpr std::string_view kRules[] = {"addAction",
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
                                       "getCacheHitResponseRules",
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
                                       "mvXFRResponseRuleToTop",
                                       "rmXFRResponseRule",
                                       "clearXFRResponseRules",
                                       "getXFRResponseRule",
                                       "topXFRResponseRule",
                                       "mvTimeoutResponseRule",
                                       "mvTimeoutResponseRuleToTop",
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
                                       "setAllowEmptyResponse"};
constexpr std::string_view kCode[] = {"maintenance",
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
                                      "threadmessage",
                                      "registerWebHandler",
                                      "load",
                                      "loadstring",
                                      "newDNSParser",
                                      "newDNSPacketOverlay",
                                      "getAsynchronousObject"};
constexpr std::string_view kFiles[] = {"include",
                                       "includeDirectory",
                                       "dofile",
                                       "loadfile",
                                       "require",
                                       "enableLuaConfiguration",
                                       "getObjectFromYAMLConfiguration"};
constexpr std::string_view kOutside[] = {"io",
                                         "os",
                                         "debug",
                                         "package",
                                         "coroutine",
                                         "ffi",
                                         "bit",
                                         "bit32",
                                         "jit",
                                         "utf8",
                                         "string",
                                         "table",
                                         "math",
                                         "collectgarbage",
                                         "getfenv",
                                         "setfenv",
                                         "module",
                                         "gcinfo",
                                         "newproxy",
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
                                         "newKeyValueStore"};
constexpr std::string_view kQueryLog[] = {
    "newDnstapLogger", "newFrameStreamUnixLogger", "newFrameStreamTcpLogger", "newRemoteLogger",
    "setQueryCount",   "setQueryCountFilter",      "setOpenTelemetryTracing"};
constexpr std::string_view kMonitoring[] = {"carbonServer",
                                            "snmpAgent",
                                            "sendCustomTrap",
                                            "setAPIWritable",
                                            "declareMetric",
                                            "incMetric",
                                            "decMetric",
                                            "setMetric",
                                            "getMetric",
                                            "observeMetric",
                                            "getStatisticsCounters"};
constexpr std::string_view kProxyProtocol[] = {"setProxyProtocolACL",
                                               "setProxyProtocolApplyACLToProxiedClients",
                                               "setProxyProtocolMaximumPayloadSize"};
constexpr std::string_view kFrontends[] = {
    "getBind",        "getDOHFrontend", "getDOH3Frontend", "getDOQFrontend",
    "getTLSContext",  "getTLSFrontend", "getDNSCryptBind", "newDOHResponseMapEntry",
    "loadTicketsKey", "loadTicketsKeys"};
constexpr std::string_view kCertificates[] = {"newTLSCertificate", "generateDNSCryptCertificate",
                                              "generateDNSCryptProviderKeys",
                                              "generateOCSPResponse"};
constexpr std::string_view kServers[] = {"rmServer", "getServers", "getPoolServers",
                                         "getPoolNames"};
constexpr std::string_view kConnectionRates[] = {"setMaxTCPConnectionRatePerClient",
                                                 "setMaxTLSNewSessionRatePerClient",
                                                 "setMaxTLSResumedSessionRatePerClient",
                                                 "setTCPConnectionRateInterval",
                                                 "setBanDurationForExceedingTCPTLSRate",
                                                 "setBanDurationForExceedingMaxReadIOsPerQuery",
                                                 "setMaxTCPReadIOsPerQuery",
                                                 "setTCPConnectionsMaskV4",
                                                 "setTCPConnectionsMaskV6",
                                                 "setTCPConnectionsMaskV4Port"};
constexpr std::string_view kIdleSessions[] = {"setMaxCachedTCPConnectionsPerDownstream",
                                              "setMaxCachedDoHConnectionsPerDownstream",
                                              "setMaxIdleDoHConnectionsPerDownstream"};
constexpr std::string_view kLookups[] = {"getAddressInfo"};
constexpr std::string_view kWebserver[] = {"setWebserverConfig"};

// Globals without effect on what clients see here, each with its reason.
constexpr std::string_view kConsole[] = {"controlSocket",
                                         "setKey",
                                         "makeKey",
                                         "addConsoleACL",
                                         "setConsoleACL",
                                         "setConsoleConnectionsLogging",
                                         "setConsoleMaximumConcurrentConnections",
                                         "setConsoleOutputMaxMsgSize",
                                         "clearConsoleHistory",
                                         "inClientStartup",
                                         "inConfigCheck",
                                         "shutdown",
                                         "quit",
                                         "delta",
                                         "testCrypto",
                                         "benchRule",
                                         "hashPassword",
                                         "makeIPCipherKey"};
constexpr std::string_view kShown[] = {"show",
                                       "showACL",
                                       "showBinds",
                                       "showConsoleACL",
                                       "showDNSCryptBinds",
                                       "showDOHFrontends",
                                       "showDOH3Frontends",
                                       "showDOHResponseCodes",
                                       "showDOQFrontends",
                                       "showDynBlocks",
                                       "showPools",
                                       "showPoolServerPolicy",
                                       "showResponseLatency",
                                       "showRules",
                                       "showResponseRules",
                                       "showCacheHitResponseRules",
                                       "showCacheInsertedResponseRules",
                                       "showCacheMissRules",
                                       "showSelfAnsweredResponseRules",
                                       "showXFRResponseRules",
                                       "showTimeoutResponseRules",
                                       "showSecurityStatus",
                                       "showServerPolicy",
                                       "showServers",
                                       "showTCPStats",
                                       "showTLSContexts",
                                       "showTLSErrorCounters",
                                       "showTLSFrontends",
                                       "showVersion",
                                       "showWebserverConfig",
                                       "dumpStats",
                                       "grepq",
                                       "topBandwidth",
                                       "topCacheHitResponseRules",
                                       "topCacheInsertedResponseRules",
                                       "topCacheMissRules",
                                       "topClients",
                                       "topQueries",
                                       "topResponseRules",
                                       "topResponses",
                                       "topRules",
                                       "topSelfAnsweredResponseRules",
                                       "topSlow",
                                       "topTimeouts",
                                       "getTopBandwidth",
                                       "getTopCacheHitResponseRules",
                                       "getTopQueries",
                                       "getTopResponseRules",
                                       "getTopResponses",
                                       "getTopRules",
                                       "getTopSelfAnsweredResponseRules",
                                       "getBindCount",
                                       "getDNSCryptBindCount",
                                       "getDOHFrontendCount",
                                       "getDOH3FrontendCount",
                                       "getDOQFrontendCount",
                                       "getTLSFrontendCount",
                                       "getDynamicBlocks",
                                       "getDynamicBlocksSMT",
                                       "getOutgoingTLSSessionCacheSize",
                                       "getQueryCounters",
                                       "getResponseRing",
                                       "getRespRing",
                                       "getRespRingEntries",
                                       "getSlowResponses",
                                       "clearDynBlocks",
                                       "clearQueryCounters",
                                       "printDNSCryptProviderFingerprint",
                                       "requestTCPStatesDump",
                                       "reloadAllCertificates"};
constexpr std::string_view kXskMaps[] = {"newXsk"};
constexpr std::string_view kClientSubnet[] = {"setECSOverride", "setECSSourcePrefixV4",
                                              "setECSSourcePrefixV6"};
constexpr std::string_view kTimes[] = {"setUDPTimeout"};
constexpr std::string_view kMemory[] = {"setCacheCleaningDelay",
                                        "setCacheCleaningPercentage",
                                        "setMaxTCPClientThreads",
                                        "setMaxUDPOutstanding",
                                        "setMaxTCPQueuedConnections",
                                        "setRingBuffersSize",
                                        "setRingBuffersLockRetries",
                                        "setRingBuffersOptions",
                                        "setTCPUseSinglePipe",
                                        "setTCPInternalPipeBufferSize",
                                        "setTCPDownstreamCleanupInterval",
                                        "setDoHDownstreamCleanupInterval",
                                        "setOutgoingDoHWorkerThreads",
                                        "setOutgoingTLSSessionsCacheCleanupDelay",
                                        "setOutgoingTLSSessionsCacheMaxTicketValidity",
                                        "setOutgoingTLSSessionsCacheMaxTicketsPerBackend",
                                        "setUDPMultipleMessagesVectorSize",
                                        "setUDPSocketBufferSizes"};
constexpr std::string_view kNeedless[] = {"loadTLSEngine",
                                          "loadTLSProvider",
                                          "setTCPFastOpenKey",
                                          "setSecurityPollSuffix",
                                          "setSecurityPollInterval",
                                          "setRandomizedIdsOverUDP",
                                          "setRandomizedOutgoingSockets",
                                          "setVerboseHealthChecks",
                                          "addCapabilitiesToRetain",
                                          "setServerID"};
constexpr std::string_view kOwnReplies[] = {"setPayloadSizeOnSelfGeneratedAnswers",
                                            "setAddEDNSToSelfGeneratedResponses", "truncateTC",
                                            "fixupCase"};
constexpr std::string_view kLogging[] = {"setSyslogFacility", "setStructuredLogging",
                                         "setVerboseLogDestination"};
constexpr std::string_view kServFail[] = {"setServFailWhenNoServer"};
constexpr std::string_view kAlwaysTried[] = {"setRoundRobinFailOnNoServer"};
constexpr std::string_view kPerturbation[] = {"setWHashedPerturbation", "setWHashedPertubation"};
constexpr std::string_view kWhatTheFileSays[] = {"errlog", "warnlog", "infolog", "vinfolog",
                                                 "debuglog"};

constexpr Group kGlobals[] = {
    {{Kind::ToDo,
      "clients are answered over UDP, TCP, TLS and HTTP/2; keep another server for them"},
     kTransports},
    {{Kind::ToDo,
      "dotline has no rules: it does not filter, change or delay queries; `rate_limit` and "
      "`max_misses_per_client` are its limits"},
     kRules},
    {{Kind::ToDo, "dotline runs no code for queries or from a timer"}, kCode},
    {{Kind::ToDo,
      "other files are not read here; import each by itself, or put them together "
      "first"},
     kFiles},
    {{Kind::ToDo,
      "nothing outside of the file is read here, and what depends on it is left out; write the "
      "values into the file and import it again"},
     kOutside},
    {{Kind::ToDo,
      "dotline keeps no record of queries and answers; take one elsewhere if you need it"},
     kQueryLog},
    {{Kind::ToDo, "dotline is asked by Prometheus, at `metrics.address`"}, kMonitoring},
    {{Kind::ToDo, "dotline does not speak the PROXY protocol: clients must reach it directly"},
     kProxyProtocol},
    {{Kind::ToDo, "what it changes about an address is not carried over; see `binds`"}, kFrontends},
    {{Kind::ToDo, "dotline takes certificates and keys from PEM files"}, kCertificates},
    {{Kind::ToDo, "what it changes is not carried over; see to `backends` by hand"}, kServers},
    {{Kind::ToDo,
      "dotline has no rate of connections; `tuning.tcp.max_connections_per_client` and "
      "`receive_timeout` are the nearest"},
     kConnectionRates},
    {{Kind::ToDo, "`tls_workers.sessions_per_backend` is the nearest"}, kIdleSessions},
    {{Kind::ToDo,
      "the metrics have no password and no access list; keep `metrics.address` on loopback"},
     kWebserver},
    {{Kind::ToDo, "names are not looked up here; write the addresses into the file"}, kLookups},
    {{Kind::Note, "dotline has no console; `dotline status` and the metrics tell what is going on"},
     kConsole},
    {{Kind::Note, "it shows or forgets what has happened so far, and configures nothing"}, kShown},
    {{Kind::Note, "dotline sends no client subnet; resolvers see its own address only"},
     kClientSubnet},
    {{Kind::Note, "packets come from `dataplane.ports`, over AF_XDP by themselves"}, kXskMaps},
    {{Kind::Note, "dotline has a deadline for each query instead: `backends[].query_timeout`"},
     kTimes},
    {{Kind::Note, "not needed in dotline: `tls_workers` and `dataplane.cores` set what it uses"},
     kMemory},
    {{Kind::Note, "not needed in dotline"}, kNeedless},
    {{Kind::Note, "dotline writes its replies itself, whatever a resolver's look like"},
     kOwnReplies},
    {{Kind::Note, "dotline logs to standard error, which systemd takes"}, kLogging},
    {{Kind::Note, "dotline always says SERVFAIL when no resolver can be asked"}, kServFail},
    {{Kind::Note, "dotline tries every resolver when none is in rotation"}, kAlwaysTried},
    {{Kind::Note, "dotline needs none: all machines come to the same result"}, kPerturbation},
    {{Kind::Note, "it writes a line into dnsdist's log"}, kWhatTheFileSays},
};

// Things that are made here and told about by whatever they are given to.
constexpr std::string_view kSelectors[] = {"AllRule",
                                           "AndRule",
                                           "DNSSECRule",
                                           "DSTPortRule",
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
                                           "NetmaskGroupRule",
                                           "NotRule",
                                           "OpcodeRule",
                                           "OrRule",
                                           "PayloadSizeRule",
                                           "PoolAvailableRule",
                                           "PoolOutstandingRule",
                                           "ProbaRule",
                                           "ProxyProtocolValueRule",
                                           "QClassRule",
                                           "QNameLabelsCountRule",
                                           "QNameRule",
                                           "QNameSetRule",
                                           "QNameSuffixRule",
                                           "QNameWireLengthRule",
                                           "QTypeRule",
                                           "RCodeRule",
                                           "RDRule",
                                           "RE2Rule",
                                           "RecordsCountRule",
                                           "RecordsTypeCountRule",
                                           "RegexRule",
                                           "SNIRule",
                                           "SuffixMatchNodeRule",
                                           "TCPRule",
                                           "TagRule",
                                           "TimedIPSetRule",
                                           "TrailingDataRule",
                                           "makeRule"};
constexpr std::string_view kActions[] = {"AddProxyProtocolValueAction",
                                         "AllowAction",
                                         "AllowResponseAction",
                                         "ClearRecordTypesResponseAction",
                                         "ContinueAction",
                                         "DelayAction",
                                         "DelayResponseAction",
                                         "DisableECSAction",
                                         "DisableValidationAction",
                                         "DnstapLogAction",
                                         "DnstapLogResponseAction",
                                         "DropAction",
                                         "DropResponseAction",
                                         "ECSOverrideAction",
                                         "ECSPrefixLengthAction",
                                         "ERCodeAction",
                                         "HTTPStatusAction",
                                         "KeyValueStoreLookupAction",
                                         "KeyValueStoreRangeLookupAction",
                                         "LimitTTLResponseAction",
                                         "LogAction",
                                         "LogResponseAction",
                                         "LuaAction",
                                         "LuaFFIAction",
                                         "LuaFFIPerThreadAction",
                                         "LuaFFIPerThreadResponseAction",
                                         "LuaFFIResponseAction",
                                         "LuaResponseAction",
                                         "MacAddrAction",
                                         "NegativeAndSOAAction",
                                         "NoRecurseAction",
                                         "NoneAction",
                                         "PoolAction",
                                         "QPSAction",
                                         "QPSPoolAction",
                                         "RCodeAction",
                                         "RemoteLogAction",
                                         "RemoteLogResponseAction",
                                         "SNMPTrapAction",
                                         "SNMPTrapResponseAction",
                                         "SetAdditionalProxyProtocolValueAction",
                                         "SetDisableECSAction",
                                         "SetDisableValidationAction",
                                         "SetECSAction",
                                         "SetECSOverrideAction",
                                         "SetECSPrefixLengthAction",
                                         "SetEDNSOptionAction",
                                         "SetEDNSOptionResponseAction",
                                         "SetExtendedDNSErrorAction",
                                         "SetExtendedDNSErrorResponseAction",
                                         "SetMacAddrAction",
                                         "SetMaxReturnedTTLAction",
                                         "SetMaxReturnedTTLResponseAction",
                                         "SetMaxTTLResponseAction",
                                         "SetMinTTLResponseAction",
                                         "SetNegativeAndSOAAction",
                                         "SetNoRecurseAction",
                                         "SetProxyProtocolValuesAction",
                                         "SetReducedTTLResponseAction",
                                         "SetSkipCacheAction",
                                         "SetSkipCacheResponseAction",
                                         "SetTagAction",
                                         "SetTagResponseAction",
                                         "SetTempFailureCacheTTLAction",
                                         "SetTraceAction",
                                         "SkipCacheAction",
                                         "SkipCacheResponseAction",
                                         "SpoofAction",
                                         "SpoofCNAMEAction",
                                         "SpoofPacketAction",
                                         "SpoofRawAction",
                                         "SpoofSVCAction",
                                         "TCAction",
                                         "TCResponseAction",
                                         "TagAction",
                                         "TagResponseAction",
                                         "TeeAction",
                                         "TempFailureCacheTTLAction"};
constexpr std::string_view kMaterial[] = {"KeyValueLookupKeyQName",
                                          "KeyValueLookupKeySourceIP",
                                          "KeyValueLookupKeySuffix",
                                          "KeyValueLookupKeyTag",
                                          "newCA",
                                          "newCAFromRaw",
                                          "newDNSName",
                                          "newDNSNameFromRaw",
                                          "newDNSNameSet",
                                          "newNMG",
                                          "newNetmask",
                                          "newSuffixMatchNode",
                                          "newSVCRecordParameters"};
constexpr std::string_view kConstants[] = {
    "DNSRCode",       "DNSQType",   "DNSClass",    "QClass",    "QType",
    "DNSOpcode",      "DNSSection", "DNSAction",   "DNSQClass", "DNSResponseAction",
    "EDNSOptionCode", "EDNSZ",      "dnsdist_ffi", "StatNode",  "DNSHeaderFlags"};

constexpr std::string_view kProxyOption[] = {"enableProxyProtocol", "proxyProtocolOutsideTLS"};
constexpr std::string_view kThreads[] = {"threads", "cpus", "reusePort"};
constexpr std::string_view kTcp[] = {"doTCP"};
constexpr std::string_view kSockets[] = {"tcpFastOpenQueueSize",
                                         "tcpFastOpenSize",
                                         "internalPipeBufferSize",
                                         "releaseBuffers",
                                         "ktls",
                                         "readAhead",
                                         "tlsAsyncMode",
                                         "provider",
                                         "library",
                                         "xskSocket"};
constexpr std::string_view kTickets[] = {"sessionTimeout", "sessionTickets", "numberOfTicketsKeys",
                                         "numberOfStoredSessions", "ticketsKeysRotationDelay"};
constexpr std::string_view kTicketFile[] = {"ticketKeyFile"};
constexpr std::string_view kInterface[] = {"interface"};
constexpr std::string_view kServersChoice[] = {"preferServerCiphers"};
constexpr std::string_view kRenegotiation[] = {"enableRenegotiation"};
constexpr std::string_view kOcsp[] = {"ocspResponses"};
constexpr std::string_view kKeyLog[] = {"keyLogFile"};
constexpr std::string_view kBadCertificates[] = {"ignoreTLSConfigurationErrors"};
constexpr std::string_view kHeaders[] = {"customResponseHeaders", "responsesMap", "serverTokens"};
constexpr std::string_view kForwarded[] = {"trustForwardedForHeader"};
constexpr std::string_view kHttp[] = {"sendCacheControlHeaders", "keepIncomingHeaders",
                                      "earlyACLDrop"};
constexpr std::string_view kSubPaths[] = {"exactPathMatching"};

constexpr Group kBindOptions[] = {
    {{Kind::ToDo, "dotline does not speak the PROXY protocol: clients must reach it directly"},
     kProxyOption},
    {{Kind::Note, "`tls_workers` and `dataplane.cores` say how many threads answer"}, kThreads},
    {{Kind::Note, "does not matter to dotline"}, kSockets},
    {{Kind::Note,
      "tickets of clients are OpenSSL's affair here, and made with keys that are never "
      "written down"},
     kTickets},
    {{Kind::ToDo,
      "keys of tickets are drawn at each start and shared with nobody; clients that come to "
      "another server shake hands anew"},
     kTicketFile},
    {{Kind::ToDo, "dotline answers at the address on every port of `dataplane.ports`"}, kInterface},
    {{Kind::Note, "the order of ciphers is left to OpenSSL"}, kServersChoice},
    {{Kind::ToDo, "dotline never renegotiates"}, kRenegotiation},
    {{Kind::ToDo, "dotline staples no OCSP responses"}, kOcsp},
    {{Kind::ToDo, "keys are logged for backends only"}, kKeyLog},
    {{Kind::Note, "`dotline check` names a certificate that is not good"}, kBadCertificates},
    {{Kind::ToDo, "dotline has nothing but DNS behind its paths"}, kHeaders},
    {{Kind::ToDo,
      "clients are told apart by the address they come from: they must reach dotline "
      "directly"},
     kForwarded},
    {{Kind::Note, "dotline sends Cache-Control, and refuses strangers before a handshake"}, kHttp},
    {{Kind::ToDo, "dotline takes the paths that are named, none below them"}, kSubPaths},
    {{Kind::ToDo, "dotline answers over TCP wherever it answers over UDP"}, kTcp},
};

constexpr std::string_view kUpgrade[] = {"autoUpgrade",         "autoUpgradeDoHKey",
                                         "autoUpgradeInterval", "autoUpgradeKeep",
                                         "autoUpgradePool",     "autoUpgradeUseLazyHealthCheck"};
constexpr std::string_view kSessions[] = {"cpus",
                                          "id",
                                          "reconnectOnUp",
                                          "releaseBuffers",
                                          "retries",
                                          "sockets",
                                          "tcpConnectTimeout",
                                          "tcpFastOpen",
                                          "tcpRecvTimeout",
                                          "tcpSendTimeout"};
constexpr std::string_view kTransport[] = {"checkTCP", "disableZeroScope", "ipBindAddrNoPort",
                                           "ktls",     "MACAddr",          "maxUDPOutstanding",
                                           "tcpOnly",  "udpTimeout",       "provider"};
constexpr std::string_view kAboutClients[] = {"addXForwardedHeaders", "useProxyProtocol",
                                              "proxyProtocolAdvertiseTLS", "addXPF"};
constexpr std::string_view kSubnet[] = {"useClientSubnet"};
constexpr std::string_view kCheckClass[] = {"checkClass"};
constexpr std::string_view kCheckFunction[] = {"checkFunction", "checkFunctionCode",
                                               "checkFunctionFile"};
constexpr std::string_view kDscp[] = {"dscp"};
constexpr std::string_view kMostSessions[] = {"maxConcurrentTCPConnections"};
constexpr std::string_view kMustResolve[] = {"mustResolve"};
constexpr std::string_view kSetCd[] = {"setCD"};
constexpr std::string_view kSource[] = {"source"};
constexpr std::string_view kXsk[] = {"xskSockets", "xskSocket"};

constexpr Group kServerParameters[] = {
    {{Kind::ToDo, "dotline upgrades nothing by itself; write what the resolver speaks into `tls`"},
     kUpgrade},
    {{Kind::Note,
      "not needed in dotline, which keeps pipelined sessions with a deadline each query"},
     kSessions},
    {{Kind::Note, "does not matter to sessions over TLS in dotline"}, kTransport},
    {{Kind::ToDo, "dotline tells resolvers nothing about clients"}, kAboutClients},
    {{Kind::ToDo,
      "dotline sends no client subnet: resolvers answer as is best for its own address"},
     kSubnet},
    {{Kind::ToDo, "checks are of class IN"}, kCheckClass},
    {{Kind::ToDo,
      "dotline runs no code for checks; `health_checks.random_label: true` asks for another name "
      "each time, which is what most of them are for"},
     kCheckFunction},
    {{Kind::ToDo, "dotline marks no packets; the kernel's firewall can"}, kDscp},
    {{Kind::ToDo, "dotline never renegotiates"}, kRenegotiation},
    {{Kind::ToDo, "`tls_workers.sessions_per_backend` is the nearest"}, kMostSessions},
    {{Kind::ToDo, "a check is good unless the answer is SERVFAIL, NXDOMAIN included"},
     kMustResolve},
    {{Kind::ToDo, "checks are sent without CD"}, kSetCd},
    {{Kind::ToDo, "sessions leave from where the kernel's routes say; `ip route ... src`"},
     kSource},
    {{Kind::Note, "packets come from `dataplane.ports`"}, kXsk},
};

constexpr std::string_view kCacheInside[] = {
    "numberOfShards", "deferrableInsertLock", "keepStaleData",    "skipOptions", "cookieHashing",
    "payloadRanks",   "truncatedTTL",         "maximumEntrySize", "parseECS"};
constexpr std::string_view kAging[] = {"dontAge"};
constexpr std::string_view kShuffle[] = {"shuffle"};

constexpr Group kCacheParameters[] = {
    {{Kind::Note, "not needed in dotline"}, kCacheInside},
    {{Kind::ToDo, "TTLs always count down in dotline"}, kAging},
    {{Kind::ToDo, "dotline does not shuffle records"}, kShuffle},
};

bool holds(Names names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

NotCarried reason_in(std::span<const Group> groups, std::string_view name) {
  for (const Group& group : groups) {
    if (holds(group.names, name)) return group.reason;
  }
  return kUnknown;
}

}  // namespace

NotCarried why_not_carried(std::string_view name) { return reason_in(kGlobals, name); }

NotCarried why_no_parameter_of_server(std::string_view name) {
  return reason_in(kServerParameters, name);
}

NotCarried why_no_parameter_of_cache(std::string_view name) {
  return reason_in(kCacheParameters, name);
}

NotCarried why_no_option_of_bind(std::string_view name) { return reason_in(kBindOptions, name); }

bool is_listed(std::string_view name) {
  return is_told_by_its_user(name) || std::ranges::any_of(kGlobals, [&](const Group& group) {
           return holds(group.names, name);
         });
}

bool is_told_by_its_user(std::string_view name) {
  return holds(kSelectors, name) || holds(kActions, name) || holds(kMaterial, name) ||
         is_constants(name);
}

bool is_on_by_default(std::string_view key) {
  constexpr std::string_view kOn[] = {
      "doTCP",          "exactPathMatching",    "sendCacheControlHeaders", "earlyACLDrop",
      "sessionTickets", "preferServerCiphers",  "enableProxyProtocol",     "releaseBuffers",
      "readAhead",      "deferrableInsertLock", "ipBindAddrNoPort"};
  return holds(kOn, key);
}

bool is_constants(std::string_view name) { return holds(kConstants, name); }

}  // namespace control
