#include "control/import/dnsdist_yaml.h"

#include <algorithm>
#include <array>
#include <map>

#include "control/draft/draft_binds.h"
#include "control/draft/draft_pools.h"
#include "control/draft/draft_servers.h"
#include "control/draft/draft_tuning.h"
#include "control/draft/yaml_parameters.h"
#include "control/import/dnsdist_yaml_rules.h"

namespace control {
namespace {

constexpr YamlName kBindNames[] = {
    {"reusePort", "reuseport"},
    {"enableProxyProtocol", "enable_proxy_protocol"},
    {"xskSocket", "xsk"},
    {"additionalAddresses", "additional_addresses"},
    {"maxInFlight", "tcp.max_in_flight_queries"},
    {"tcpListenQueueSize", "tcp.listen_queue_size"},
    {"tcpFastOpenQueueSize", "tcp.fast_open_queue_size"},
    {"maxConcurrentTCPConnections", "tcp.max_concurrent_connections"},
    {"provider", "tls.provider"},
    {"ciphers", "tls.ciphers"},
    {"ciphersTLS13", "tls.ciphers_tls_13"},
    {"minTLSVersion", "tls.minimum_version"},
    {"ticketKeyFile", "tls.ticket_key_file"},
    {"ticketsKeysRotationDelay", "tls.tickets_keys_rotation_delay"},
    {"numberOfTicketsKeys", "tls.number_of_tickets_keys"},
    {"preferServerCiphers", "tls.prefer_server_ciphers"},
    {"sessionTimeout", "tls.session_timeout"},
    {"sessionTickets", "tls.session_tickets"},
    {"numberOfStoredSessions", "tls.number_of_stored_sessions"},
    {"ocspResponses", "tls.ocsp_response_files"},
    {"keyLogFile", "tls.key_log_file"},
    {"releaseBuffers", "tls.release_buffers"},
    {"enableRenegotiation", "tls.enable_renegotiation"},
    {"tlsAsyncMode", "tls.async_mode"},
    {"ktls", "tls.ktls"},
    {"readAhead", "tls.read_ahead"},
    {"proxyProtocolOutsideTLS", "tls.proxy_protocol_outside_tls"},
    {"ignoreTLSConfigurationErrors", "tls.ignore_configuration_errors"},
    {"library", "doh.provider"},
    {"paths", "doh.paths"},
    {"idleTimeout", "doh.idle_timeout"},
    {"serverTokens", "doh.server_tokens"},
    {"sendCacheControlHeaders", "doh.send_cache_control_headers"},
    {"keepIncomingHeaders", "doh.keep_incoming_headers"},
    {"trustForwardedForHeader", "doh.trust_forwarded_for_header"},
    {"earlyACLDrop", "doh.early_acl_drop"},
    {"exactPathMatching", "doh.exact_path_matching"},
    {"internalPipeBufferSize", "doh.internal_pipe_buffer_size"},
    {"customResponseHeaders", "doh.custom_response_headers"},
    {"responsesMap", "doh.responses_map"},
};

constexpr YamlName kServerNames[] = {
    {"pool", "pools"},
    {"qps", "queries_per_second"},
    {"maxInFlight", "max_in_flight"},
    {"useClientSubnet", "use_client_subnet"},
    {"useProxyProtocol", "use_proxy_protocol"},
    {"proxyProtocolAdvertiseTLS", "proxy_protocol_advertise_tls"},
    {"udpTimeout", "udp_timeout"},
    {"ipBindAddrNoPort", "ip_bind_addr_no_port"},
    {"disableZeroScope", "disable_zero_scope"},
    {"reconnectOnUp", "reconnect_on_up"},
    {"tcpOnly", "tcp_only"},
    {"maxConcurrentTCPConnections", "max_concurrent_tcp_connections"},
    {"MACAddr", "mac_address"},
    {"xskSocket", "xsk"},
    {"provider", "tls.provider"},
    {"subjectName", "tls.subject_name"},
    {"subjectAddr", "tls.subject_address"},
    {"validateCertificates", "tls.validate_certificate"},
    {"caStore", "tls.ca_store"},
    {"ciphers", "tls.ciphers"},
    {"ciphersTLS13", "tls.ciphers_tls_13"},
    {"keyLogFile", "tls.key_log_file"},
    {"releaseBuffers", "tls.release_buffers"},
    {"enableRenegotiation", "tls.enable_renegotiation"},
    {"ktls", "tls.ktls"},
    {"dohPath", "doh.path"},
    {"addXForwardedHeaders", "doh.add_x_forwarded_headers"},
    {"retries", "tcp.retries"},
    {"tcpConnectTimeout", "tcp.connect_timeout"},
    {"tcpSendTimeout", "tcp.send_timeout"},
    {"tcpRecvTimeout", "tcp.receive_timeout"},
    {"tcpFastOpen", "tcp.fast_open"},
    {"healthCheckMode", "health_checks.mode"},
    {"checkName", "health_checks.qname"},
    {"checkClass", "health_checks.qclass"},
    {"checkType", "health_checks.qtype"},
    {"checkFunction", "health_checks.function"},
    {"checkFunctionCode", "health_checks.lua"},
    {"checkFunctionFile", "health_checks.lua_file"},
    {"checkTimeout", "health_checks.timeout"},
    {"setCD", "health_checks.set_cd"},
    {"maxCheckFailures", "health_checks.max_failures"},
    {"rise", "health_checks.rise"},
    {"checkInterval", "health_checks.interval"},
    {"mustResolve", "health_checks.must_resolve"},
    {"checkTCP", "health_checks.use_tcp"},
    {"lazyHealthCheckFailedInterval", "health_checks.lazy.interval"},
    {"lazyHealthCheckMinSampleCount", "health_checks.lazy.min_sample_count"},
    {"lazyHealthCheckMode", "health_checks.lazy.mode"},
    {"lazyHealthCheckSampleSize", "health_checks.lazy.sample_size"},
    {"lazyHealthCheckThreshold", "health_checks.lazy.threshold"},
    {"lazyHealthCheckUseExponentialBackOff", "health_checks.lazy.use_exponential_back_off"},
    {"lazyHealthCheckMaxBackOff", "health_checks.lazy.max_back_off"},
    {"autoUpgrade", "auto_upgrade.enabled"},
    {"autoUpgradeInterval", "auto_upgrade.interval"},
    {"autoUpgradeKeep", "auto_upgrade.keep"},
    {"autoUpgradePool", "auto_upgrade.pool"},
    {"autoUpgradeDoHKey", "auto_upgrade.doh_key"},
    {"autoUpgradeUseLazyHealthCheck", "auto_upgrade.use_lazy_health_check"},
};

constexpr YamlName kCacheNames[] = {
    {"maxTTL", "max_ttl"},
    {"minTTL", "min_ttl"},
    {"maxNegativeTTL", "max_negative_ttl"},
    {"temporaryFailureTTL", "temporary_failure_ttl"},
    {"staleTTL", "stale_ttl"},
    {"numberOfShards", "shards"},
    {"deferrableInsertLock", "deferrable_insert_lock"},
    {"keepStaleData", "keep_stale_data"},
    {"skipOptions", "options_to_skip"},
    {"cookieHashing", "cookie_hashing"},
    {"payloadRanks", "payload_ranks"},
    {"truncatedTTL", "truncated_ttl"},
    {"maximumEntrySize", "maximum_entry_size"},
    {"parseECS", "parse_ecs"},
    {"dontAge", "dont_age"},
};

/// Settings and the functions of Lua that do the same; "#2" is a second setting of that function.
constexpr YamlName kSingles[] = {
    {"setMaxTCPClientThreads", "tuning.tcp.worker_threads"},
    {"setTCPRecvTimeout", "tuning.tcp.receive_timeout"},
    {"setTCPSendTimeout", "tuning.tcp.send_timeout"},
    {"setMaxTCPQueriesPerConnection", "tuning.tcp.max_queries_per_connection"},
    {"setMaxTCPConnectionDuration", "tuning.tcp.max_connection_duration"},
    {"setMaxTCPQueuedConnections", "tuning.tcp.max_queued_connections"},
    {"setTCPInternalPipeBufferSize", "tuning.tcp.internal_pipe_buffer_size"},
    {"setTCPDownstreamMaxIdleTime", "tuning.tcp.outgoing_max_idle_time"},
    {"setTCPDownstreamCleanupInterval", "tuning.tcp.outgoing_cleanup_interval"},
    {"setMaxCachedTCPConnectionsPerDownstream",
     "tuning.tcp.outgoing_max_idle_connection_per_backend"},
    {"setMaxTCPConnectionsPerClient", "tuning.tcp.max_connections_per_client"},
    {"setTCPFastOpenKey", "tuning.tcp.fast_open_key"},
    {"setTCPConnectionsOverloadThreshold", "tuning.tcp.connections_overload_threshold"},
    {"setMaxTCPConnectionRatePerClient", "tuning.tcp.max_connection_rate_per_client"},
    {"setTCPConnectionRateInterval", "tuning.tcp.connection_rate_interval"},
    {"setMaxTLSNewSessionRatePerClient", "tuning.tcp.max_tls_new_session_rate_per_client"},
    {"setMaxTLSResumedSessionRatePerClient", "tuning.tcp.max_tls_resumed_session_rate_per_client"},
    {"setMaxTCPReadIOsPerQuery", "tuning.tcp.max_read_ios_per_query"},
    {"setBanDurationForExceedingMaxReadIOsPerQuery",
     "tuning.tcp.ban_duration_for_exceeding_max_read_ios_per_query"},
    {"setBanDurationForExceedingTCPTLSRate", "tuning.tcp.ban_duration_for_exceeding_tcp_tls_rate"},
    {"setTCPConnectionsMaskV4", "tuning.tcp.connections_mask_v4"},
    {"setTCPConnectionsMaskV6", "tuning.tcp.connections_mask_v6"},
    {"setTCPConnectionsMaskV4Port", "tuning.tcp.connections_mask_v4_port"},
    {"setUDPMultipleMessagesVectorSize", "tuning.udp.messages_per_round"},
    {"setUDPSocketBufferSizes", "tuning.udp.send_buffer_size"},
    {"setUDPSocketBufferSizes#2", "tuning.udp.receive_buffer_size"},
    {"setMaxUDPOutstanding", "tuning.udp.max_outstanding_per_backend"},
    {"setUDPTimeout", "tuning.udp.timeout"},
    {"setRandomizedOutgoingSockets", "tuning.udp.randomize_outgoing_sockets_to_backend"},
    {"setRandomizedIdsOverUDP", "tuning.udp.randomize_ids_to_backend"},
    {"setOutgoingTLSSessionsCacheCleanupDelay", "tuning.tls.outgoing_tickets_cache_cleanup_delay"},
    {"setOutgoingTLSSessionsCacheMaxTicketValidity", "tuning.tls.outgoing_tickets_cache_validity"},
    {"setOutgoingTLSSessionsCacheMaxTicketsPerBackend",
     "tuning.tls.max_outgoing_tickets_per_backend"},
    {"loadTLSProvider", "tuning.tls.providers"},
    {"loadTLSEngine", "tuning.tls.engines"},
    {"setOutgoingDoHWorkerThreads", "tuning.doh.outgoing_worker_threads"},
    {"setDoHDownstreamMaxIdleTime", "tuning.doh.outgoing_max_idle_time"},
    {"setDoHDownstreamCleanupInterval", "tuning.doh.outgoing_cleanup_interval"},
    {"setMaxIdleDoHConnectionsPerDownstream",
     "tuning.doh.outgoing_max_idle_connection_per_backend"},
    {"setStaleCacheEntriesTTL", "cache_settings.stale_entries_ttl"},
    {"setCacheCleaningDelay", "cache_settings.cleaning_delay"},
    {"setCacheCleaningPercentage", "cache_settings.cleaning_percentage"},
    {"setSecurityPollInterval", "security_polling.polling_interval"},
    {"setSecurityPollSuffix", "security_polling.suffix"},
    {"setVerboseHealthChecks", "logging.verbose_health_checks"},
    {"setVerboseLogDestination", "logging.verbose_log_destination"},
    {"setSyslogFacility", "logging.syslog_facility"},
    {"setOpenTelemetryTracing", "logging.open_telemetry_tracing"},
    {"setStructuredLogging", "logging.structured.enabled"},
    {"setStructuredLogging#2", "logging.structured.level_prefix"},
    {"setStructuredLogging#3", "logging.structured.time_format"},
    {"setStructuredLogging#4", "logging.structured.backend"},
    {"setStructuredLogging#5", "logging.structured.set_instance_from_server_id"},
    {"setServerID", "general.server_id"},
    {"setPayloadSizeOnSelfGeneratedAnswers",
     "general.edns_udp_payload_size_self_generated_answers"},
    {"setAddEDNSToSelfGeneratedResponses", "general.add_edns_to_self_generated_answers"},
    {"truncateTC", "general.truncate_tc_answers"},
    {"fixupCase", "general.fixup_case"},
    {"setAllowEmptyResponse", "general.allow_empty_responses"},
    {"setDropEmptyQueries", "general.drop_empty_queries"},
    {"addCapabilitiesToRetain", "general.capabilities_to_retain"},
    {"setECSOverride", "edns_client_subnet.override_existing"},
    {"setECSSourcePrefixV4", "edns_client_subnet.source_prefix_v4"},
    {"setECSSourcePrefixV6", "edns_client_subnet.source_prefix_v6"},
    {"controlSocket", "console.listen_address"},
    {"setKey", "console.key"},
    {"setConsoleACL", "console.acl"},
    {"setConsoleOutputMaxMsgSize", "console.maximum_output_size"},
    {"setConsoleConnectionsLogging", "console.log_connections"},
    {"setConsoleMaximumConcurrentConnections", "console.max_concurrent_connections"},
    {"setRingBuffersSize", "ring_buffers.size"},
    {"setRingBuffersSize#2", "ring_buffers.shards"},
    {"setRingBuffersLockRetries", "ring_buffers.lock_retries"},
    {"setRingBuffersOptions", "ring_buffers.record_queries"},
    {"setRingBuffersOptions#2", "ring_buffers.record_responses"},
    {"setProxyProtocolACL", "proxy_protocol.acl"},
    {"setProxyProtocolMaximumPayloadSize", "proxy_protocol.maximum_payload_size"},
    {"setProxyProtocolApplyACLToProxiedClients", "proxy_protocol.apply_acl_to_proxied_clients"},
    {"carbonServer", "metrics.carbon"},
    {"snmpAgent", "snmp.enabled"},
    {"snmpAgent#2", "snmp.traps_enabled"},
    {"snmpAgent#3", "snmp.daemon_socket"},
    {"setQueryCount", "query_count.enabled"},
    {"setQueryCountFilter", "query_count.filter_function_name"},
    {"setQueryCountFilter#2", "query_count.filter_function_code"},
    {"setQueryCountFilter#3", "query_count.filter_function_file"},
    {"newRemoteLogger", "remote_logging.protobuf_loggers"},
    {"newFrameStreamTcpLogger", "remote_logging.dnstap_loggers"},
    {"newLMDBKVStore", "key_value_stores.lmdb"},
    {"newCDBKVStore", "key_value_stores.cdb"},
    {"newKeyValueStore", "key_value_stores.lookup_keys.source_ip_keys"},
    {"newKeyValueStore#2", "key_value_stores.lookup_keys.qname_keys"},
    {"newKeyValueStore#3", "key_value_stores.lookup_keys.suffix_keys"},
    {"newKeyValueStore#4", "key_value_stores.lookup_keys.tag_keys"},
    {"setDynBlocksPurgeInterval", "dynamic_rules_settings.purge_interval"},
    {"setDynBlocksAction", "dynamic_rules_settings.default_action"},
    {"newBPFFilter", "ebpf.ipv4.max_entries"},
    {"newBPFFilter#2", "ebpf.ipv4.pinned_path"},
    {"newBPFFilter#3", "ebpf.ipv6.max_entries"},
    {"newBPFFilter#4", "ebpf.ipv6.pinned_path"},
    {"newBPFFilter#5", "ebpf.cidr_ipv4.max_entries"},
    {"newBPFFilter#6", "ebpf.cidr_ipv4.pinned_path"},
    {"newBPFFilter#7", "ebpf.cidr_ipv6.max_entries"},
    {"newBPFFilter#8", "ebpf.cidr_ipv6.pinned_path"},
    {"newBPFFilter#9", "ebpf.qnames.max_entries"},
    {"newBPFFilter#10", "ebpf.qnames.pinned_path"},
    {"newBPFFilter#11", "ebpf.external"},
    {"newXsk", "xsk"},
    {"setRules", "timed_ip_sets"},
    {"setWHashedPerturbation", "load_balancing_policies.hash_perturbation"},
    {"setServFailWhenNoServer", "load_balancing_policies.servfail_on_no_server"},
    {"setRoundRobinFailOnNoServer", "load_balancing_policies.round_robin_servfail_on_no_server"},
    {"newServerPolicy", "load_balancing_policies.custom_policies"},
};

NotCarried why_no_single(std::string_view name) {
  return why_not_carried(name.substr(0, name.find('#')));
}

/// Sections that have a reader of their own.
constexpr std::string_view kOwnReaders[] = {"acl",
                                            "binds",
                                            "backends",
                                            "packet_caches",
                                            "pools",
                                            "webserver",
                                            "query_rules",
                                            "selectors",
                                            "netmask_groups",
                                            "dynamic_rules",
                                            "cache_hit_response_rules",
                                            "cache_inserted_response_rules",
                                            "cache_miss_rules",
                                            "response_rules",
                                            "self_answered_response_rules",
                                            "xfr_response_rules",
                                            "timeout_response_rules"};
constexpr std::string_view kOtherSections[] = {"cache_settings",
                                               "console",
                                               "dynamic_rules_settings",
                                               "ebpf",
                                               "edns_client_subnet",
                                               "general",
                                               "key_value_stores",
                                               "load_balancing_policies",
                                               "logging",
                                               "metrics",
                                               "proxy_protocol",
                                               "query_count",
                                               "remote_logging",
                                               "ring_buffers",
                                               "security_polling",
                                               "snmp",
                                               "timed_ip_sets",
                                               "tuning",
                                               "xsk"};

bool is_section(std::string_view name) {
  return std::ranges::find(kOwnReaders, name) != std::end(kOwnReaders) ||
         std::ranges::find(kOtherSections, name) != std::end(kOtherSections);
}

void tell_twins(Draft& draft, const YamlNode& node) {
  for (size_t i = 0; i < node.children.size(); ++i) {
    const YamlNode& child = node.children[i];
    if (node.kind == YamlNode::Kind::Map && node.find(child.key) != &child)
      draft.to_do(child.key_place.line, child.key, "it is given twice; the first one counts here");
    tell_twins(draft, child);
  }
}

class YamlReader {
 public:
  YamlReader(const YamlNode& root, Draft& draft) : root_(root), draft_(draft) {}

  void read() {
    tell_twins(draft_, root_);
    read_acl();
    each("binds", [&](const YamlNode& item) { read_bind(item); });
    each("packet_caches", [&](const YamlNode& item) { read_cache(item); });
    each("pools", [&](const YamlNode& item) { read_pool(item); });
    each("backends", [&](const YamlNode& item) { read_server(item); });
    read_webserver();
    read_dnsdist_yaml_rules(root_, draft_);
    read_singles();
  }

 private:
  /// Each map of the list called `section`; whatever else is there is told.
  template <typename Read>
  void each(std::string_view section, const Read& read) {
    const YamlNode* list = root_.find(section);
    if (list == nullptr || list->kind == YamlNode::Kind::Null) return;
    if (list->kind != YamlNode::Kind::List)
      return draft_.to_do(list->key_place.line, section, "a list expected; it is left out");
    for (const YamlNode& item : list->children) {
      if (item.kind == YamlNode::Kind::Map) {
        read(item);
      } else if (item.kind != YamlNode::Kind::Refused) {
        draft_.to_do(item.place.line, section, "settings expected; it is left out");
      }
    }
  }

  void read_acl() {
    const YamlNode* node = root_.find("acl");
    if (node == nullptr) return;
    YamlNode top;
    top.kind = YamlNode::Kind::Map;
    top.place = node->key_place;
    top.children.push_back(*node);
    YamlParameters given(draft_, top, "", {});
    if (const auto blocks = given.texts("acl"))
      set_acl(draft_, node->key_place.line, "acl", *blocks);
    given.tell_rest(why_no_single);
  }

  std::vector<DraftBind::Certificate> certificates_of(const YamlNode& item, unsigned line) {
    std::vector<DraftBind::Certificate> certificates;
    const YamlNode* list = node_at(item, "tls.certificates");
    const bool is_list = list != nullptr && list->kind == YamlNode::Kind::List;
    for (const YamlNode& pair : is_list ? list->children : std::vector<YamlNode>()) {
      YamlParameters given(draft_, pair, "binds.tls.certificates", {});
      const std::string certificate = given.text("certificate").value_or("");
      const std::string key = given.text("key").value_or("");
      if (!certificate.empty() && !key.empty()) {
        certificates.push_back({certificate, key});
      } else {
        draft_.to_do(pair.place.line, "binds.tls.certificates",
                     why_not_carried("newTLSCertificate").why);
      }
      given.tell_rest(
          [](std::string_view /*key*/) { return why_not_carried("newTLSCertificate"); });
    }
    if (certificates.empty()) {
      draft_.to_do(line, "binds.tls.certificates",
                   "it needs files with a certificate and its key; dotline takes no HTTP in the "
                   "clear and no PKCS #12. Write them into `binds[].tls.certificates`");
    }
    return certificates;
  }

  void read_bind(const YamlNode& item) {
    YamlParameters given(draft_, item, "binds", kBindNames);
    const unsigned line = item.place.line;
    const std::string address = given.text("listen_address").value_or("");
    const std::string protocol = given.text("protocol").value_or("Do53");
    DraftBind bind;
    if (protocol == "DoT") {
      bind.protocol = DraftBind::Protocol::DoT;
    } else if (protocol == "DoH") {
      bind.protocol = DraftBind::Protocol::DoH;
    } else if (protocol != "Do53") {
      return draft_.to_do(line, "binds " + address + " " + protocol,
                          why_not_carried("addDOQLocal").why);
    }
    (void)given.wanted("tls.certificates");
    if (bind.protocol != DraftBind::Protocol::Do53) bind.certificates = certificates_of(item, line);
    if (bind.protocol == DraftBind::Protocol::DoH)
      bind.paths = given.texts("paths").value_or(std::vector<std::string>());
    add_bind("binds", address, std::move(bind), given);
  }

  void read_cache(const YamlNode& item) {
    YamlParameters given(draft_, item, "packet_caches", kCacheNames);
    const std::string name = given.text("name").value_or("");
    const auto cache = add_cache("packet_caches", given.whole_number("size").value_or(0), given);
    if (!cache) return;
    if (!caches_.emplace(name, *cache).second)
      draft_.to_do(item.place.line, "packet_caches " + name, "it is there twice");
    draft_.caches[*cache].name = label_of(name);
  }

  void read_pool(const YamlNode& item) {
    YamlParameters given(draft_, item, "pools", {});
    const auto pool = draft_.pool_of(item.place.line, given.text("name").value_or(""));
    const std::string cache = given.text("packet_cache").value_or("");
    const std::string policy = given.text("policy").value_or("");
    if (given.flag("use_ecs") == true) {
      given.tell(Remark::Kind::ToDo, "use_ecs",
                 "dotline sends no client subnet: resolvers answer as is best for its own address");
    }
    if (given.flag("use_zero_scope") == false)
      given.tell(Remark::Kind::Note, "use_zero_scope", "dotline sends no client subnet");
    given.tell_rest(why_no_single);
    if (!pool) return;
    if (!policy.empty() && is_policy(draft_, item.place.line, policy))
      draft_.pools[*pool].policy = policy;
    if (cache.empty()) return;
    const auto found = caches_.find(cache);
    if (found == caches_.end()) {
      given.tell(Remark::Kind::ToDo, "packet_cache", "there is no cache called " + cache);
    } else {
      draft_.pools[*pool].cache = found->second;
    }
  }

  void read_server(const YamlNode& item) {
    YamlParameters given(draft_, item, "backends", kServerNames);
    const std::string address = given.text("address").value_or("");
    const std::string protocol = given.text("protocol").value_or("Do53");
    ServerProtocol spoken = DraftServer::Protocol::Do53;
    if (protocol == "DoT") spoken = DraftServer::Protocol::DoT;
    if (protocol == "DoH") spoken = DraftServer::Protocol::DoH;
    if (protocol != "Do53" && spoken == DraftServer::Protocol::Do53)
      given.tell(Remark::Kind::ToDo, "protocol", "resolvers are asked with DoT or DoH");
    if (given.text("checkClass").value_or("IN") != "IN")
      given.tell(Remark::Kind::ToDo, "checkClass", why_no_parameter_of_server("checkClass").why);
    (void)add_server("backends", address, spoken, given);
  }

  void read_webserver() {
    const YamlNode* node = root_.find("webserver");
    if (node == nullptr || node->kind == YamlNode::Kind::Null) return;
    if (node->kind != YamlNode::Kind::Map) {
      return draft_.to_do(node->key_place.line, "webserver", "settings expected; it is left out");
    }
    YamlParameters given(draft_, *node, "webserver", {});
    const unsigned line = node->key_place.line;
    const auto addresses = given.texts("listen_addresses").value_or(std::vector<std::string>());
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (i == 0) {
        set_webserver(draft_, line, "webserver", addresses[i]);
      } else {
        draft_.to_do(line, "webserver " + addresses[i],
                     "the metrics are served at one address; it is left out");
      }
    }
    const auto acl = given.texts("acl").value_or(std::vector<std::string>());
    const bool lets_in_others = std::ranges::any_of(acl, [](const std::string& block) {
      return block != "127.0.0.1" && block != "::1" && block != "127.0.0.1/32" &&
             block != "::1/128" && block != "127.0.0.0/8";
    });
    const bool has_password = given.wanted("password");
    const bool has_key = given.wanted("api_key");
    if (has_password || has_key || lets_in_others)
      tell_webserver_is_guarded(draft_, line, "webserver");
    given.tell_rest([](std::string_view key) {
      if (key.starts_with("api_read_write") || key.starts_with("api_configuration"))
        return why_not_carried("setAPIWritable");
      return NotCarried{Remark::Kind::Note,
                        "the metrics have no password and headers of their own"};
    });
  }

  void read_policies(YamlParameters& given) {
    const std::string policy = given.text("load_balancing_policies.default_policy").value_or("");
    const YamlNode* node = root_.find("load_balancing_policies");
    if (!policy.empty() && is_policy(draft_, node->key_place.line, policy))
      put(draft_.policies, "default_policy", policy);
    for (const std::string setting :
         {"weighted_balancing_factor", "consistent_hashing_balancing_factor"}) {
      const std::string path = "load_balancing_policies." + setting;
      if (const auto factor = given.number(path))
        carry_factor(draft_, node->key_place.line, path, setting, *factor);
    }
  }

  void read_singles() {
    YamlNode rest = root_;
    std::erase_if(rest.children, [](const YamlNode& child) {
      return std::ranges::find(kOwnReaders, child.key) != std::end(kOwnReaders);
    });
    YamlParameters given(draft_, rest, "", kSingles);
    read_policies(given);
    draft_.verbose = given.flag("logging.verbose").value_or(false);
    for (const YamlName& single : kSingles) {
      if (!is_carried_number(single.name)) continue;
      const YamlNode* node = node_at(rest, single.path);
      if (const auto value = given.whole_number(std::string(single.name)))
        carry_number(draft_, node->key_place.line, std::string(single.path), single.name, *value);
    }
    given.tell_rest(why_no_single);
  }

  const YamlNode& root_;
  Draft& draft_;
  std::map<std::string, size_t> caches_;
};

}  // namespace

bool looks_like_dnsdist_yaml(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    const size_t colon = line.find(':');
    const bool is_key =
        colon != std::string_view::npos && (colon + 1 == line.size() || line[colon + 1] == ' ' ||
                                            line[colon + 1] == '\r' || line[colon + 1] == '\t');
    if (is_key && is_section(line.substr(0, colon))) return true;
    at = end + 1;
  }
  return false;
}

void read_dnsdist_yaml(const YamlNode& root, Draft& draft) { YamlReader(root, draft).read(); }

}  // namespace control
