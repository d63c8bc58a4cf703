#include "options.h"

#include <gio/gio.h>
#include <glib.h>

#include <charconv>
#include <memory>
#include <utility>

namespace preview {
namespace {

constexpr size_t kShortestToken = 16;

constexpr char kSummary[] =
    "Shows the generations that programs on this machine send (examples/taps) "
    "in a browser.";

constexpr char kDescription[] =
    "A token is asked for in the URL (?token=...), as `Authorization: Bearer`, "
    "or by the page. TAE_PREVIEW_TOKEN keeps it out of the list of processes.\n"
    "Weights are looked for as taedecode does: TAE_MODEL_PATH and others.";

struct FreeText {
  void operator()(char* text) const { g_free(text); }
  void operator()(char** texts) const { g_strfreev(texts); }
};
using Text = std::unique_ptr<char, FreeText>;
using Texts = std::unique_ptr<char*, FreeText>;

// What GOption writes to.
struct Raw {
  char* listen = nullptr;
  char* token = nullptr;
  char* latents = nullptr;
  char** decoder = nullptr;
  gboolean remote_latents = FALSE;
  gboolean demo = FALSE;
  int max_memory = 512;
  int max_generations = 24;
  gboolean no_webrtc = FALSE;
  char* stun_server = nullptr;
  char* keep = nullptr;
  int max_disk = 4096;
};

std::string TextOr(const Text& text, std::string otherwise) {
  return text ? std::string(text.get()) : std::move(otherwise);
}

// "host:port" or "[v6]:port".
tae::Status SplitAddress(const std::string& text, Options* options) {
  const size_t colon = text.rfind(':');
  tae::Status wrong = tae::InvalidArgument(
      "--listen=" + text +
      ": expected HOST:PORT with a port from 0 to 65535 (0 = any that is "
      "free), such as 127.0.0.1:8080");
  if (colon == std::string::npos || colon == 0) return wrong;
  const char* end = text.data() + text.size();
  const auto [stop, error] =
      std::from_chars(text.data() + colon + 1, end, options->port);
  if (error != std::errc() || stop != end || options->port < 0 ||
      options->port > 65535)
    return wrong;
  options->host = text.substr(0, colon);
  if (options->host.front() == '[' && options->host.back() == ']')
    options->host = options->host.substr(1, options->host.size() - 2);
  if (options->host == "localhost") options->host = "127.0.0.1";
  if (!g_hostname_is_ip_address(options->host.c_str()))
    return tae::InvalidArgument("--listen=" + text + ": expected the IP " +
                                "address of an interface of this machine, or "
                                "localhost");
  return {};
}

bool IsLoopback(const std::string& host) {
  GInetAddress* address = g_inet_address_new_from_string(host.c_str());
  const bool loopback = address && g_inet_address_get_is_loopback(address);
  if (address) g_object_unref(address);
  return loopback;
}

tae::Status CheckToken(const Options& options) {
  if (options.token.empty() && !IsLoopback(options.host))
    return tae::InvalidArgument(
        "--listen=" + options.host + ":" + std::to_string(options.port) +
        ": whoever reaches this address could watch; add --token=TEXT (at "
        "least " +
        std::to_string(kShortestToken) +
        " letters and digits, for example from `openssl rand -hex 16`), or "
        "listen at 127.0.0.1 and come through `ssh -L`");
  for (const char c : options.token)
    if (!g_ascii_isalnum(c) && c != '-' && c != '_')
      return tae::InvalidArgument(
          "--token: expected letters, digits, - and _ only");
  if (!options.token.empty() && options.token.size() < kShortestToken)
    return tae::InvalidArgument(
        "--token: expected at least " + std::to_string(kShortestToken) +
        " characters, found " + std::to_string(options.token.size()));
  return {};
}

tae::Status AddProperty(const std::string& pair, Options* options) {
  const size_t sign = pair.find('=');
  if (sign == 0 || sign == std::string::npos)
    return tae::InvalidArgument("--decoder=" + pair + ": expected NAME=VALUE");
  options->decoder.emplace_back(pair.substr(0, sign), pair.substr(sign + 1));
  return {};
}

tae::Status SetStunServer(const std::string& text, Options* options) {
  GUri* uri =
      g_uri_parse(("stun://" + text).c_str(), G_URI_FLAGS_NONE, nullptr);
  const bool whole = uri && g_uri_get_host(uri) && *g_uri_get_host(uri) &&
                     g_uri_get_port(uri) > 0 && !*g_uri_get_path(uri) &&
                     !g_uri_get_query(uri) && !g_uri_get_userinfo(uri);
  if (uri) g_uri_unref(uri);
  if (!whole)
    return tae::InvalidArgument("--stun-server=" + text +
                                ": expected HOST:PORT");
  options->stun_server = "stun://" + text;
  return {};
}

tae::Status CheckLimits(const Raw& raw, Options* options) {
  if (raw.max_memory < 16 || raw.max_memory > (1 << 20))
    return tae::InvalidArgument(
        "--max-memory: expected 16 to 1048576 MiB, found " +
        std::to_string(raw.max_memory));
  if (raw.max_generations < 1 || raw.max_generations > 1000)
    return tae::InvalidArgument(
        "--max-generations: expected 1 to 1000, found " +
        std::to_string(raw.max_generations));
  if (raw.max_disk < 1)
    return tae::InvalidArgument("--max-disk: expected MiB above 0, found " +
                                std::to_string(raw.max_disk));
  options->most_disk_bytes = uint64_t(raw.max_disk) << 20;
  options->limits.bytes = size_t(raw.max_memory) << 20;
  options->limits.generations = size_t(raw.max_generations);
  return {};
}

tae::Status Parse(int argc, char** argv, Raw* raw) {
  const GOptionEntry entries[] = {
      {"listen", 'l', 0, G_OPTION_ARG_STRING, &raw->listen,
       "Where browsers connect (127.0.0.1:8080)", "HOST:PORT"},
      {"token", 't', 0, G_OPTION_ARG_STRING, &raw->token,
       "Who has no token sees nothing; a must beyond this machine", "TEXT"},
      {"latents", 0, 0, G_OPTION_ARG_STRING, &raw->latents,
       "Where producers connect: unix:/path, tcp://host:port or -; unix: alone "
       "is the user's own socket, $XDG_RUNTIME_DIR/tae.sock (unix:)",
       "ADDRESS"},
      {"allow-remote-latents", 0, 0, G_OPTION_ARG_NONE, &raw->remote_latents,
       "Take latents from other machines too; anyone may send then", nullptr},
      {"demo", 0, 0, G_OPTION_ARG_NONE, &raw->demo,
       "Show a demo instead of waiting for producers", nullptr},
      {"decoder", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->decoder,
       "A property of taedecode, such as model-file=FILE, n-threads=2 or "
       "nice=19; any number of times",
       "NAME=VALUE"},
      {"max-memory", 0, 0, G_OPTION_ARG_INT, &raw->max_memory,
       "Most that pictures and latents take (512)", "MIB"},
      {"max-generations", 0, 0, G_OPTION_ARG_INT, &raw->max_generations,
       "Most generations that are kept (24)", "N"},
      {"no-webrtc", 0, 0, G_OPTION_ARG_NONE, &raw->no_webrtc,
       "Live pictures as MJPEG alone", nullptr},
      {"stun-server", 0, 0, G_OPTION_ARG_STRING, &raw->stun_server,
       "For WebRTC to viewers behind other routers: where they learn their "
       "own address (none)",
       "HOST:PORT"},
      {"keep", 0, 0, G_OPTION_ARG_FILENAME, &raw->keep,
       "Keep all latents in this folder, a file for each generation", "FOLDER"},
      {"max-disk", 0, 0, G_OPTION_ARG_INT, &raw->max_disk,
       "Most that they take there; the oldest go (4096)", "MIB"},
      {}};
  const std::unique_ptr<GOptionContext, void (*)(GOptionContext*)> context(
      g_option_context_new(nullptr), g_option_context_free);
  g_option_context_set_summary(context.get(), kSummary);
  g_option_context_set_description(context.get(), kDescription);
  g_option_context_add_main_entries(context.get(), entries, nullptr);
  GError* error = nullptr;
  if (g_option_context_parse(context.get(), &argc, &argv, &error)) {
    if (argc <= 1) return {};
    return tae::InvalidArgument(std::string(argv[1]) +
                                ": not understood; --help lists all");
  }
  tae::Status status =
      tae::InvalidArgument(std::string(error->message) + "; --help lists all");
  g_error_free(error);
  return status;
}

}  // namespace

tae::StatusOr<Options> ParseOptions(int argc, char** argv) {
  Raw raw;
  const tae::Status parsed = Parse(argc, argv, &raw);
  const Text listen(raw.listen), token(raw.token), latents(raw.latents),
      stun(raw.stun_server), keep(raw.keep);
  const Texts decoder(raw.decoder);
  TAE_RETURN_IF_ERROR(parsed);
  Options options;
  const char* hidden = g_getenv("TAE_PREVIEW_TOKEN");
  options.token = TextOr(token, hidden != nullptr ? hidden : "");
  options.latents = raw.demo ? "" : TextOr(latents, options.latents);
  options.keep = TextOr(keep, "");
  options.webrtc = !raw.no_webrtc;
  options.remote_latents = raw.remote_latents != FALSE;
  TAE_RETURN_IF_ERROR(SplitAddress(TextOr(listen, "127.0.0.1:8080"), &options));
  TAE_RETURN_IF_ERROR(CheckToken(options));
  for (char** pair = decoder.get(); pair && *pair; ++pair)
    TAE_RETURN_IF_ERROR(AddProperty(*pair, &options));
  TAE_RETURN_IF_ERROR(CheckLimits(raw, &options));
  if (stun) TAE_RETURN_IF_ERROR(SetStunServer(stun.get(), &options));
  return options;
}

}  // namespace preview
