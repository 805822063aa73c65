using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>
/// The CUDA-on-CPU library: its sources are in the engine's assembly; g++ builds them once into the cache, under a hash of
/// sources and options.
/// </summary>
internal static class EmulatorLibrary
{
    private const string FileName = "libldae_emulator.so", Title = "The emulator";

    private const string Remedy = "The emulated device compiles with g++ (C++17): install it, on Debian or Ubuntu with apt install g++.";

    /// <summary>Environment variable: <c>address</c> builds it, and all kernels, with the address sanitizer.</summary>
    public const string SanitizeVariable = "LDAE_EMULATOR_SANITIZE";

    /// <summary>Builds the library when the cache does not have it, and loads it.</summary>
    /// <exception cref="LdaeException">Device: g++ is missing or fails.</exception>
    public static LoadedLibrary Load()
    {
        var path = Path.Combine(Build(CacheFolder.Root, Environment.GetEnvironmentVariable(SanitizeVariable)), FileName);
        try
        {
            return new LoadedLibrary(Title, path, NativeLibrary.Load(path), Remedy);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new LdaeException(ErrorKind.Device, $"{Title} at {path} cannot be loaded: {e.Message}", $"Delete {Path.GetDirectoryName(path)}. {Remedy}", e);
        }
    }

    /// <summary>The folder with the built library and its sources.</summary>
    /// <param name="cache">The cache folder.</param>
    /// <param name="sanitizer">The value of <see cref="SanitizeVariable"/>.</param>
    public static string Build(string cache, string? sanitizer)
    {
        var sources = KernelSources.All.Where(s => s.Name.StartsWith("emulator/", StringComparison.Ordinal) || s.Name.StartsWith("common/", StringComparison.Ordinal)).ToList();
        var units = sources.Select(s => s.Name)
            .Where(n => n.StartsWith("emulator/", StringComparison.Ordinal) && (n.EndsWith(".cpp", StringComparison.Ordinal) || n.EndsWith(".S", StringComparison.Ordinal)));
        string[] arguments = ["-std=c++17", "-O2", "-g", "-shared", "-fPIC", "-fvisibility=hidden", .. SanitizerFlags(sanitizer), "-o", FileName, .. units, "-ldl", "-lpthread"];
        var folder = Path.Combine(cache, "emulator-" + Hash(arguments, sources));
        if (File.Exists(Path.Combine(folder, FileName)))
        {
            return folder;
        }

        var fresh = $"{folder}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        try
        {
            foreach (var (name, text) in sources)
            {
                var file = Path.Combine(fresh, name);
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                File.WriteAllText(file, text);
            }

            Compile(fresh, arguments);
            Directory.Move(fresh, folder);
        }
        catch (IOException) when (File.Exists(Path.Combine(folder, FileName)))
        {
            // Another process has built the same library.
            Directory.Delete(fresh, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(
                ErrorKind.Device, $"{Title} cannot be built in {cache}: {e.Message}", $"Make {cache} writable, or set {CacheFolder.Variable} to a folder that is.", e);
        }

        return folder;
    }

    private static string[] SanitizerFlags(string? sanitizer) => sanitizer switch
    {
        null or "" => [],
        "address" => ["-fsanitize=address", "-fno-omit-frame-pointer"],
        var other => throw new LdaeException(ErrorKind.Configuration, $"{SanitizeVariable}={other} is not allowed.", "It takes address, or nothing."),
    };

    private static void Compile(string folder, string[] arguments)
    {
        var start = new ProcessStartInfo("g++", arguments) { WorkingDirectory = folder, RedirectStandardError = true };

        // A process under the address sanitizer has its library preloaded; the compiler is not to be sanitized.
        start.Environment.Remove("LD_PRELOAD");
        try
        {
            using var compiler = Process.Start(start)!;
            var errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            if (compiler.ExitCode != 0)
            {
                throw new LdaeException(ErrorKind.Device, $"g++ {string.Join(' ', arguments)} in {folder} failed:\n{errors}", Remedy);
            }
        }
        catch (Win32Exception e)
        {
            throw new LdaeException(ErrorKind.Device, "The emulated device needs g++, which is not on the path.", Remedy, e);
        }
    }

    private static string Hash(string[] arguments, List<(string Name, string Text)> sources)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in arguments.Concat(sources.SelectMany(s => (string[])[s.Name, s.Text])))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(part));
            hash.AppendData([0]);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }
}
