namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// The kernels of one context: compiled when first asked for, or read from the cache, and kept. Finding one again compares a few
/// strings and allocates nothing.
/// </summary>
/// <param name="context">Where they are loaded.</param>
/// <param name="cache">Where compiled ones are kept between runs.</param>
internal sealed class KernelLibrary(CudaContext context, CubinCache cache) : IDisposable
{
    private readonly CudaRuntimeCompiler _compiler = new(context.Device.Libraries.Nvrtc);
    private readonly Dictionary<int, List<Entry>> _kernels = [];
    private readonly Dictionary<string, CudaModule> _modules = [];
    private Dictionary<string, Task<CompiledEntry>>? _rehearsed;
    private string? _architecture;

    /// <summary>Cubins compiled so far; the others came from the cache.</summary>
    public int Compilations { get; private set; }

    /// <summary>Cubins that are loaded.</summary>
    public int LoadedCubins => _modules.Count;

    /// <summary>Names of the kernels that were asked for so far.</summary>
    public IEnumerable<string> Used => _kernels.Values.SelectMany(bucket => bucket).Select(entry => entry.Name);

    /// <summary>What is compiled for.</summary>
    public string Architecture => _architecture ??= _compiler.Architecture(context.Device.Capability);

    /// <summary>The kernels that were asked for so far.</summary>
    public IEnumerable<CudaKernel> Loaded => _kernels.Values.SelectMany(bucket => bucket.Select(entry => entry.Kernel));

    /// <summary>Finds a kernel.</summary>
    /// <param name="family">Name of its .cu file without ending.</param>
    /// <param name="entry">Name of the function.</param>
    /// <param name="constants">-D constants that the family is specialised by.</param>
    public CudaKernel Get(string family, string entry, params ReadOnlySpan<(string Name, int Value)> constants)
    {
        if (_rehearsed is not null)
        {
            return Rehearse(new KernelSpecification(family, constants.ToArray(), Architecture), entry);
        }

        var hash = HashCode.Combine(string.GetHashCode(family, StringComparison.Ordinal), string.GetHashCode(entry, StringComparison.Ordinal));
        foreach (var (name, value) in constants)
        {
            hash = HashCode.Combine(hash, string.GetHashCode(name, StringComparison.Ordinal), value);
        }

        if (!_kernels.TryGetValue(hash, out var bucket))
        {
            _kernels.Add(hash, bucket = []);
        }

        foreach (var known in bucket)
        {
            if (known.Family == family && known.Name == entry && constants.SequenceEqual(known.Constants))
            {
                return known.Kernel;
            }
        }

        var module = Module(new KernelSpecification(family, constants.ToArray(), Architecture));
        var kernel = module.Kernel(entry);
        bucket.Add(new Entry(family, entry, constants.ToArray(), kernel));
        return kernel;
    }

    /// <summary>
    /// Finds out which kernels some work needs, by letting it ask for them in vain, and compiles those that are missing in parallel
    /// threads from the moment in which each is asked for.
    /// </summary>
    /// <param name="work">The work; none of its launches is done.</param>
    public void Prepare(Action work)
    {
        var rehearsed = _rehearsed = [];
        try
        {
            work();
        }
        finally
        {
            _rehearsed = null;
        }

        // A compiler's error is the first thing to be said; the other threads end by themselves.
        foreach (var (name, task) in rehearsed)
        {
            var (image, compiled, warnings) = task.GetAwaiter().GetResult();
            foreach (var warning in warnings)
            {
                cache.Warn(warning);
            }

            Compilations += compiled ? 1 : 0;
            _modules.Add(name, new CudaModule(context, image, name));
        }
    }

    /// <summary>Unloads all.</summary>
    public void Dispose()
    {
        foreach (var module in _modules.Values)
        {
            module.Dispose();
        }

        _modules.Clear();
        _kernels.Clear();
    }

    private CudaModule Module(KernelSpecification kernel)
    {
        var name = kernel.ToString();
        if (_modules.TryGetValue(name, out var loaded))
        {
            return loaded;
        }

        var (image, compiled) = Image(kernel, cache);
        Compilations += compiled ? 1 : 0;
        var module = new CudaModule(context, image, name);
        _modules.Add(name, module);
        return module;
    }

    private CudaKernel Rehearse(KernelSpecification kernel, string entry)
    {
        var name = kernel.ToString();
        if (!_modules.ContainsKey(name) && !_rehearsed!.ContainsKey(name))
        {
            _rehearsed.Add(name, Task.Run(() =>
            {
                // Warnings of other threads are kept for the calling thread.
                var warnings = new List<string>();
                var (image, compiled) = Image(kernel, new CubinCache(cache.Folder, warnings.Add));
                return new CompiledEntry(image, compiled, warnings);
            }));
        }

        return CudaKernel.Placeholder(context, entry, name);
    }

    /// <summary>A cubin from the cache, or compiled and put there; any thread may ask.</summary>
    private (byte[] Image, bool Compiled) Image(KernelSpecification kernel, CubinCache kept)
    {
        // Libraries at other places may differ though their versions agree: the emulator's folder carries a hash of its sources.
        var key = CubinCache.Key(kernel, $"{_compiler.Version} {Path.GetFileName(Path.GetDirectoryName(context.Device.Libraries.Nvrtc.Library.Path))}");
        if (kept.Read(key) is { } found)
        {
            return (found, false);
        }

        var image = _compiler.Compile(kernel).Image;
        kept.Write(key, image);
        return (image, true);
    }

    private sealed record CompiledEntry(byte[] Image, bool Compiled, IReadOnlyList<string> Warnings);

    private sealed record Entry(string Family, string Name, (string Name, int Value)[] Constants, CudaKernel Kernel);
}
