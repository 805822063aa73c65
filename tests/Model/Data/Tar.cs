using System.Formats.Tar;
using System.Text;

namespace LDaeCore.Tests.Model.Data;

/// <summary>Tar shards written by .NET's own writer, which what reads them shares nothing with.</summary>
internal static class Tar
{
    /// <summary>An archive of files.</summary>
    public static byte[] Archive(TarEntryFormat format, params (string Name, byte[] Content)[] files)
    {
        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, format, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                TarEntry entry = format switch
                {
                    TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name),
                    TarEntryFormat.Ustar => new UstarTarEntry(TarEntryType.RegularFile, name),
                    _ => new PaxTarEntry(TarEntryType.RegularFile, name),
                };
                entry.DataStream = new MemoryStream(content);
                writer.WriteEntry(entry);
            }
        }

        return stream.ToArray();
    }

    /// <summary>A shard of samples, each an image file and a class.</summary>
    public static byte[] Shard(int first, IEnumerable<(byte[] Image, int Label)> samples) => Archive(
        TarEntryFormat.Ustar,
        [.. samples.SelectMany((s, i) => new[] { ($"{first + i:D6}.png", s.Image), ($"{first + i:D6}.cls", Encoding.ASCII.GetBytes($"{s.Label}\n")) })]);
}
