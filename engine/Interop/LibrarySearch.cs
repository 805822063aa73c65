using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Interop;

/// <summary>
/// Searches native libraries in this order: LDAE_CUDA_PATH; CUDA_PATH and CUDA_HOME; the dynamic loader's own names;
/// /usr/local/cuda*/lib64; the nvidia/*/lib folders of an active Python environment, which VIRTUAL_ENV or CONDA_PREFIX name or whose
/// python3 comes first on the path. Open MPI: LDAE_MPI_PATH, MPI_HOME, the loader's names. A file that is another library is noted and skipped.
/// </summary>
/// <param name="environment">Reads an environment variable.</param>
/// <param name="localRoot">/usr/local, or a folder of a test.</param>
/// <param name="useLoader">Whether the dynamic loader is asked too; false in tests that need a machine without libraries.</param>
internal sealed class LibrarySearch(Func<string, string?> environment, string localRoot = "/usr/local", bool useLoader = true)
{
    /// <summary>The search on this machine as the process was started.</summary>
    public static LibrarySearch OfThisProcess { get; } = new(Environment.GetEnvironmentVariable);

    /// <summary>Finds and loads a library.</summary>
    /// <param name="kind">Which one.</param>
    /// <returns>The library, or the files that were tried.</returns>
    public LibraryFinding Find(LibraryKind kind)
    {
        var tried = new List<string>();
        foreach (var file in Candidates(kind))
        {
            // The loader finds a bare name; a path must exist, so that the list of tried files stays short.
            var isPath = file.Contains('/');
            if (isPath && !File.Exists(file))
            {
                continue;
            }

            if (TryLoad(kind, file, tried) is { } library)
            {
                return new LibraryFinding(kind, library, tried);
            }
        }

        return new LibraryFinding(kind, null, [.. tried, .. MissingFolders(kind)]);
    }

    private static LoadedLibrary? TryLoad(LibraryKind kind, string file, List<string> tried)
    {
        nint handle;
        try
        {
            LoadBuiltinsBeside(kind, file);
            handle = NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            // The end of the list says once that the loader finds none of the names.
            var reason = Reason(e);
            if (reason != $"{file}: cannot open shared object file: No such file or directory")
            {
                tried.Add(reason.StartsWith(file, StringComparison.Ordinal) ? reason : $"{file}: {reason}");
            }

            return null;
        }

        if (!NativeLibrary.TryGetExport(handle, kind.Probe, out _))
        {
            tried.Add($"{file}: not {kind.Title}, it has no function {kind.Probe}");
            NativeLibrary.Free(handle);
            return null;
        }

        return new LoadedLibrary(kind.Title, LoadedPath(file), handle, kind.Remedy);
    }

    /// <summary>
    /// NVRTC opens its builtins by name when it first compiles, and finds them only on the loader's path, unless they are loaded
    /// already: so they are loaded from the same folder first.
    /// </summary>
    private static void LoadBuiltinsBeside(LibraryKind kind, string file)
    {
        if (kind == LibraryKind.Nvrtc && Path.GetDirectoryName(file) is { Length: > 0 } folder)
        {
            var version = Path.GetFileName(file)["libnvrtc.so.".Length..];
            foreach (var builtins in Directory.EnumerateFiles(folder, $"libnvrtc-builtins.so.{version}*").Order(StringComparer.Ordinal))
            {
                if (NativeLibrary.TryLoad(builtins, out _))
                {
                    return;
                }
            }
        }
    }

    private IEnumerable<string> Candidates(LibraryKind kind)
    {
        foreach (var folder in NamedFolders(kind))
        {
            foreach (var name in kind.FileNames)
            {
                yield return Path.Combine(folder, name);
            }
        }

        foreach (var name in useLoader ? kind.FileNames : [])
        {
            yield return name;
        }

        foreach (var folder in kind.IsCuda ? ToolkitFolders().Concat(PythonFolders()) : [])
        {
            foreach (var name in kind.FileNames)
            {
                yield return Path.Combine(folder, name);
            }
        }
    }

    private IEnumerable<string> NamedFolders(LibraryKind kind)
    {
        foreach (var variable in kind.Variables)
        {
            foreach (var root in (environment(variable) ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
            {
                yield return root;
                yield return Path.Combine(root, "lib64");
                yield return Path.Combine(root, "lib");
            }
        }
    }

    private IEnumerable<string> ToolkitFolders() => Directory.Exists(localRoot)
        ? Directory.EnumerateDirectories(localRoot, "cuda*").OrderDescending(StringComparer.Ordinal).Select(root => Path.Combine(root, "lib64"))
        : [];

    private IEnumerable<string> PythonFolders()
    {
        foreach (var root in PythonRoots().Distinct())
        {
            foreach (var python in FoldersIn(Path.Combine(root, "lib"), "python3*"))
            {
                // Debian's own Python has what pip installs in dist-packages.
                foreach (var package in FoldersIn(Path.Combine(python, "site-packages", "nvidia")).Concat(FoldersIn(Path.Combine(python, "dist-packages", "nvidia"))))
                {
                    yield return Path.Combine(package, "lib");
                }
            }
        }
    }

    private IEnumerable<string> PythonRoots()
    {
        foreach (var variable in (string[])["VIRTUAL_ENV", "CONDA_PREFIX"])
        {
            if (environment(variable) is { Length: > 0 } root)
            {
                yield return root;
            }
        }

        var path = (environment("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        if (Array.Find(path, folder => File.Exists(Path.Combine(folder, "python3"))) is { } bin)
        {
            yield return Path.GetDirectoryName(bin.TrimEnd('/')) ?? "/";

            // The system Python's folder for packages of the whole machine.
            yield return localRoot;
        }
    }

    private static IEnumerable<string> FoldersIn(string folder, string pattern = "*") =>
        Directory.Exists(folder) ? Directory.EnumerateDirectories(folder, pattern).Order(StringComparer.Ordinal) : [];

    private IEnumerable<string> MissingFolders(LibraryKind kind)
    {
        string Of(string variable) => environment(variable) is { Length: > 0 } value ? $"{variable}={value}" : $"{variable} (not set)";
        var named = $"no {string.Join(" or ", kind.FileNames)} in {string.Join(", ", kind.Variables.Select(Of))}, ";
        yield return named + (kind.IsCuda
            ? $"the dynamic loader's path, {localRoot}/cuda*/lib64, or the nvidia/*/lib folders of an active Python environment"
            : "or the dynamic loader's path");
    }

    private static string Reason(Exception e)
    {
        // The runtime's message has a line for each place; those of the loader have the form "file: reason".
        var lines = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.FirstOrDefault(
            line => line.Contains(".so", StringComparison.Ordinal) && line.Contains(": ", StringComparison.Ordinal) && !line.StartsWith("Unable", StringComparison.Ordinal))
            ?? lines[0];
    }

    /// <summary>The file that a bare name was loaded from, by the process's memory map.</summary>
    private static string LoadedPath(string file)
    {
        if (file.Contains('/') || !File.Exists("/proc/self/maps"))
        {
            return file;
        }

        var stem = file[..file.IndexOf(".so", StringComparison.Ordinal)] + ".so";
        return File.ReadLines("/proc/self/maps")
            .Select(line => line.IndexOf('/') is var at and >= 0 ? line[at..] : "")
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(stem, StringComparison.Ordinal)) ?? file;
    }
}
