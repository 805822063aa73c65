// libnvrtc as far as the engine calls it: g++ compiles a kernel to a shared object, which takes the place of the cubin.
//
// The source and the headers it is given by name are written to a temporary folder; g++ preprocesses them behind
// device.h; every `extern "C" __global__` function that is left gets a line that describes it; the whole is compiled. File
// names and lines in messages and debuggers are those of the sources.
// Options: -D, -U and -I are passed on; what concerns a GPU (architecture, ptxas) is ignored.
#include "driver.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

extern char** environ;

namespace ldae_emulator {
namespace {

enum NvrtcStatus : int { NvrtcSuccess = 0, NvrtcOutOfMemory = 1, NvrtcInvalidInput = 3, NvrtcInvalidProgram = 4, NvrtcCompilation = 6, NvrtcInternal = 11 };

struct Program {
    std::string source, name, log, image;
    std::vector<std::pair<std::string, std::string>> headers;
};

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool make_parents(const std::string& path) {
    for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        std::string folder = path.substr(0, slash);
        if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return false;
    }
    return true;
}

bool write_text(const std::string& path, const std::string& text) {
    if (!make_parents(path)) return false;
    std::ofstream file(path, std::ios::binary);
    file << text;
    return static_cast<bool>(file);
}

int remove_one(const char* path, const struct stat*, int, struct FTW*) { return remove(path); }

struct WorkFolder {
    std::string path;
    WorkFolder() {
        const char* base = getenv("TMPDIR");
        std::string pattern = std::string(base != nullptr && *base != 0 ? base : "/tmp") + "/ldae-compile-XXXXXX";
        if (mkdtemp(pattern.data()) != nullptr) path = pattern;
    }
    ~WorkFolder() {
        if (!path.empty() && getenv("LDAE_EMULATOR_KEEP") == nullptr) nftw(path.c_str(), remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
};

// The folder of this library and of the sources it was built from.
std::string own_folder() {
    Dl_info information;
    if (dladdr(reinterpret_cast<void*>(&own_folder), &information) == 0) return ".";
    std::string path = information.dli_fname;
    size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string device_header() { return own_folder() + "/emulator/device.h"; }

// Runs g++ in a folder; its messages are added to the log.
bool run_compiler(const std::string& folder, const std::vector<std::string>& arguments, std::string* log) {
    const char* named = getenv("LDAE_CXX");
    std::string compiler = named != nullptr && *named != 0 ? named : "g++", messages = folder + "/messages";
    std::string change_folder = "cd \"$0\" && exec \"$@\"";  // posix_spawn cannot change folders on every system
    std::vector<const char*> words = {"sh", "-c", change_folder.c_str(), folder.c_str(), compiler.c_str()};
    for (const std::string& argument : arguments) words.push_back(argument.c_str());
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, messages.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    // The host may have the address sanitizer preloaded; g++ must not.
    std::vector<char*> environment;
    for (char** variable = environ; *variable != nullptr; variable++) {
        if (strncmp(*variable, "LD_PRELOAD=", 11) != 0) environment.push_back(*variable);
    }
    environment.push_back(nullptr);
    pid_t child;
    int status = posix_spawn(&child, "/bin/sh", &actions, nullptr, const_cast<char**>(words.data()), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) {
        *log += std::string("/bin/sh cannot be started: ") + strerror(status) + "\n";
        return false;
    }
    int result = 0;
    while (waitpid(child, &result, 0) < 0) {
        if (errno != EINTR) {
            *log += std::string("waiting for g++ failed: ") + strerror(errno) + "\n";
            return false;
        }
    }
    *log += read_text(messages);
    if (WIFEXITED(result) && WEXITSTATUS(result) == 127) {
        *log += compiler + " is not there: the emulated device compiles kernels with g++ (Debian, Ubuntu: apt-get install g++)\n";
    }
    return WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

// A line for each entry point that the preprocessor left: device.h tells how to unpack its parameters.
std::string describe_entries(const std::string& preprocessed) {
    static const std::string marker = "__attribute__((noinline, noclone))";  // what device.h makes of __global__
    std::string lines = "\n# 1 \"entry points\"\n";
    size_t at = 0;
    while ((at = preprocessed.find(marker, at)) != std::string::npos) {
        at += marker.size();
        size_t open = preprocessed.find('(', at);
        if (open == std::string::npos) break;
        size_t end = preprocessed.find_last_not_of(" \t\n", open - 1), start = end;
        while (start > at && (isalnum(static_cast<unsigned char>(preprocessed[start])) || preprocessed[start] == '_')) start--;
        std::string name = preprocessed.substr(start + 1, end - start);
        size_t after = preprocessed.find_first_of("{;", open);
        if (after == std::string::npos || preprocessed[after] == ';') continue;  // a declaration only
        std::string unpack = "ldae_emulator::Unpack<&" + name + ">";
        lines += "LDAE_EXPORTED const ldae_emulator::EntryPoint ldae_entry_" + name + " = { \"" + name + "\", " + unpack + "::run, " +
                 unpack + "::count, " + unpack + "::sizes };\n";
    }
    lines += "LDAE_EXPORTED const char ldae_build_identity[] = \"" + build_identity() + "\";\n";
    static const std::string exported = "LDAE_EXPORTED", expansion = "extern \"C\" __attribute__((visibility(\"default\")))";
    for (at = 0; (at = lines.find(exported, at)) != std::string::npos;) lines.replace(at, exported.size(), expansion);
    return lines;
}

bool compile(Program* program, const std::vector<std::string>& options) {
    WorkFolder work;
    if (work.path.empty()) {
        program->log += "no temporary folder can be made\n";
        return false;
    }
    bool written = write_text(work.path + "/" + program->name, program->source);
    for (const auto& [name, text] : program->headers) written = written && write_text(work.path + "/" + name, text);
    if (!written) {
        program->log += "the sources cannot be written to " + work.path + "\n";
        return false;
    }
    std::vector<std::string> language = {"-std=c++17", "-Wall", "-Wno-unknown-pragmas", "-Wno-register", "-Wno-unused", "-Wno-sign-compare", "-Wno-attributes"};
    std::vector<std::string> preprocess = language;
    preprocess.insert(preprocess.end(), {"-E", "-x", "c++", "-include", device_header(), "-I."});
    for (const std::string& option : options) {
        if (option.size() > 2 && option[0] == '-' && strchr("DUI", option[1]) != nullptr) preprocess.push_back(option);
        if (option.rfind("--define-macro=", 0) == 0) preprocess.push_back("-D" + option.substr(15));
    }
    preprocess.insert(preprocess.end(), {program->name, "-o", "kernel.ii"});
    if (!run_compiler(work.path, preprocess, &program->log)) return false;
    std::string text = read_text(work.path + "/kernel.ii");
    text += describe_entries(text);
    if (!write_text(work.path + "/kernel.ii", text)) return false;
    std::vector<std::string> generate = language;
    generate.insert(generate.end(), {"-O2", "-march=x86-64-v3", "-fPIC", "-shared", "-g", "-fvisibility=hidden", "-ffixed-r15", "-fno-math-errno",
                                     "-fno-trapping-math", "-fno-strict-aliasing", "-fno-exceptions", "-fdebug-prefix-map=" + work.path + "=."});
    if (const char* more = getenv("LDAE_EMULATOR_CXXFLAGS")) {
        std::istringstream words(more);
        for (std::string word; words >> word;) generate.push_back(word);
    }
    if (LDAE_SANITIZED) generate.insert(generate.end(), {"-fsanitize=address", "-fno-omit-frame-pointer"});
    generate.insert(generate.end(), {"kernel.ii", "-o", "kernel.so", "-lm"});
    if (!run_compiler(work.path, generate, &program->log)) return false;
    program->image = seal_image(read_text(work.path + "/kernel.so"));
    return true;
}

}  // namespace

const std::string& build_identity() {
    static const std::string identity = [] {
        const char* flags = getenv("LDAE_EMULATOR_CXXFLAGS");
        return std::to_string(hash_bytes(read_text(device_header()) + (LDAE_SANITIZED ? "address" : "") + (flags != nullptr ? flags : "")));
    }();
    return identity;
}

uint64_t hash_bytes(const std::string& bytes) {
    uint64_t hash = 14695981039346656037u;  // FNV-1a
    for (unsigned char byte : bytes) hash = (hash ^ byte) * 1099511628211u;
    return hash;
}

// The driver gets an image without its length. It is ELF, whose section table g++ puts last and which says where it is; behind
// it go eight bytes of check sum, so that a truncated or damaged image is refused.
std::string seal_image(const std::string& object) {
    uint64_t hash = hash_bytes(object);
    return object + std::string(reinterpret_cast<const char*>(&hash), sizeof hash);
}

size_t sealed_bytes(const void* image) {
    auto* header = static_cast<const unsigned char*>(image);
    if (memcmp(header, "\177ELF\2\1", 6) != 0) return 0;
    uint64_t sections, hash;
    uint16_t section_bytes, section_count;
    memcpy(&sections, header + 0x28, 8);
    memcpy(&section_bytes, header + 0x3a, 2);
    memcpy(&section_count, header + 0x3c, 2);
    return sections + static_cast<size_t>(section_bytes) * section_count + sizeof hash;
}

bool is_sealed(const std::string& image) {
    uint64_t hash;
    if (image.size() <= sizeof hash) return false;
    memcpy(&hash, image.data() + image.size() - sizeof hash, sizeof hash);
    return hash == hash_bytes(image.substr(0, image.size() - sizeof hash));
}

std::string source_line(const void* address) {
    Dl_info information;
    if (address == nullptr || dladdr(address, &information) == 0 || strstr(information.dli_fname, "ldae-emulator-") == nullptr) return "";
    char command[512];
    snprintf(command, sizeof command, "addr2line -e '%s' 0x%zx 2>/dev/null", information.dli_fname,
             static_cast<size_t>(static_cast<const char*>(address) - static_cast<const char*>(information.dli_fbase)));
    FILE* pipe = popen(command, "r");
    if (pipe == nullptr) return "";
    char line[256] = "";
    char* read = fgets(line, sizeof line, pipe);
    pclose(pipe);
    if (read == nullptr || line[0] == '?') return "";
    std::string text(line, strcspn(line, "\n "));
    size_t slash = text.rfind('/');
    return slash == std::string::npos ? text : text.substr(slash + 1);
}

}  // namespace ldae_emulator

using namespace ldae_emulator;

// The minor version stands for the state of device.h, so that caches of compiled kernels are not used across a change.
LDAE_EXPORT int nvrtcVersion(int* major, int* minor) {
    *major = 12;
    *minor = static_cast<int>(std::stoull(build_identity()) % 1000000);
    return NvrtcSuccess;
}

LDAE_EXPORT int nvrtcGetNumSupportedArchs(int* count) {
    *count = 1;
    return NvrtcSuccess;
}

LDAE_EXPORT int nvrtcGetSupportedArchs(int* architectures) {
    architectures[0] = 80;
    return NvrtcSuccess;
}

LDAE_EXPORT const char* nvrtcGetErrorString(int status) {
    switch (status) {
        case NvrtcSuccess: return "NVRTC_SUCCESS";
        case NvrtcInvalidInput: return "NVRTC_ERROR_INVALID_INPUT";
        case NvrtcInvalidProgram: return "NVRTC_ERROR_INVALID_PROGRAM";
        case NvrtcCompilation: return "NVRTC_ERROR_COMPILATION";
        default: return "NVRTC_ERROR_INTERNAL_ERROR";
    }
}

LDAE_EXPORT int nvrtcCreateProgram(void** result, const char* source, const char* name, int header_count, const char* const* headers,
                                   const char* const* header_names) {
    auto* program = new Program();
    program->source = source;
    program->name = name != nullptr && *name != 0 ? name : "default_program.cu";
    for (int i = 0; i < header_count; i++) program->headers.emplace_back(header_names[i], headers[i]);
    *result = program;
    return NvrtcSuccess;
}

LDAE_EXPORT int nvrtcDestroyProgram(void** program) {
    delete static_cast<Program*>(*program);
    *program = nullptr;
    return NvrtcSuccess;
}

LDAE_EXPORT int nvrtcCompileProgram(void* handle, int count, const char* const* options) {
    auto* program = static_cast<Program*>(handle);
    program->log.clear();
    return compile(program, std::vector<std::string>(options, options + count)) ? NvrtcSuccess : NvrtcCompilation;
}

LDAE_EXPORT int nvrtcGetCUBINSize(void* program, size_t* bytes) {
    *bytes = static_cast<Program*>(program)->image.size();
    return *bytes > 0 ? NvrtcSuccess : NvrtcInvalidProgram;
}

LDAE_EXPORT int nvrtcGetCUBIN(void* program, char* image) {
    const std::string& from = static_cast<Program*>(program)->image;
    memcpy(image, from.data(), from.size());
    return NvrtcSuccess;
}

LDAE_EXPORT int nvrtcGetPTXSize(void* program, size_t* bytes) { return nvrtcGetCUBINSize(program, bytes); }
LDAE_EXPORT int nvrtcGetPTX(void* program, char* image) { return nvrtcGetCUBIN(program, image); }

LDAE_EXPORT int nvrtcGetProgramLogSize(void* program, size_t* bytes) {
    *bytes = static_cast<Program*>(program)->log.size() + 1;
    return NvrtcSuccess;
}

LDAE_EXPORT int nvrtcGetProgramLog(void* program, char* log) {
    const std::string& from = static_cast<Program*>(program)->log;
    memcpy(log, from.c_str(), from.size() + 1);
    return NvrtcSuccess;
}
