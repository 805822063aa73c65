using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// Compiled kernels on disk. An entry's name is the hash of all that its content depends on; its file opens with a mark, its
/// length and its own hash, so a damaged one is told from a good one. Files appear by atomic rename. Whatever goes wrong here
/// costs a compilation and a warning, never a wrong kernel and never a failed run.
/// </summary>
/// <param name="folder">Where the files are; made when it is missing.</param>
/// <param name="warn">Told what went wrong.</param>
internal sealed class CubinCache(string folder, Action<string> warn)
{
    private const int HeaderBytes = 8 + 8 + 32;

    private static ReadOnlySpan<byte> Mark => "LDAECUB1"u8;

    /// <summary>Where the files are.</summary>
    public string Folder => folder;

    /// <summary>Passes a warning on.</summary>
    public void Warn(string text) => warn(text);

    /// <summary>The name of an entry: a hash of source with includes, options (architecture among them) and compiler.</summary>
    /// <param name="kernel">What is compiled.</param>
    /// <param name="compiler">What identifies the compiler, such as its version.</param>
    public static string Key(KernelSpecification kernel, string compiler)
    {
        var source = KernelSources.Family(kernel.Family);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(compiler);
        Add(kernel.FileName);
        Add(source);
        foreach (var (name, text) in KernelSources.Headers(source))
        {
            Add(name);
            Add(text);
        }

        foreach (var option in CudaRuntimeCompiler.Options(kernel))
        {
            Add(option);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        // Each part with its length first: no two lists of parts read the same.
        void Add(string part)
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
    }

    /// <summary>Reads an entry.</summary>
    /// <param name="key">Its name.</param>
    /// <returns>The image, or null when there is none that is whole.</returns>
    public byte[]? Read(string key)
    {
        var file = FileOf(key);
        try
        {
            if (!File.Exists(file))
            {
                return null;
            }

            var bytes = File.ReadAllBytes(file);
            if (Payload(bytes) is { } image)
            {
                return image;
            }

            warn($"The cached kernel {file} is damaged ({bytes.Length} bytes); it is compiled again.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warn($"The cached kernel {file} cannot be read ({e.Message}); it is compiled again.");
        }

        return null;
    }

    /// <summary>Keeps an entry.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="image">Its content.</param>
    public void Write(string key, ReadOnlySpan<byte> image)
    {
        var file = FileOf(key);
        var fresh = $"{file}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(folder);
            var bytes = new byte[HeaderBytes + image.Length];
            Mark.CopyTo(bytes);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), image.Length);
            SHA256.HashData(image, bytes.AsSpan(16));
            image.CopyTo(bytes.AsSpan(HeaderBytes));
            File.WriteAllBytes(fresh, bytes);
            File.Move(fresh, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warn($"Compiled kernels cannot be kept in {folder} ({e.Message}): every start compiles them again. Make it writable, or set {Interop.CacheFolder.Variable}.");
            Remove(fresh);
        }
    }

    private static byte[]? Payload(byte[] bytes)
    {
        if (bytes.Length < HeaderBytes || !bytes.AsSpan(0, 8).SequenceEqual(Mark))
        {
            return null;
        }

        var image = bytes.AsSpan(HeaderBytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8)) == image.Length && SHA256.HashData(image).AsSpan().SequenceEqual(bytes.AsSpan(16, 32))
            ? image.ToArray()
            : null;
    }

    private static void Remove(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It was never written.
        }
    }

    private string FileOf(string key) => Path.Combine(folder, key + ".cubin");
}
