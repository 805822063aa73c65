using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>
/// Writes safetensors files: tensors in the order given, the header padded with spaces so that the data starts at a multiple of eight.
/// </summary>
public static class SafetensorsWriter
{
    /// <summary>
    /// Writes a file, replacing one that is there. Not atomic: an interrupted write leaves a file that does not open;
    /// <see cref="CheckpointFolder"/> gives the atomicity.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">What to write; names are unique.</param>
    /// <param name="metadata">Free text, or null.</param>
    /// <exception cref="LdaeException">Run: the file cannot be written (a full disk, no permission).</exception>
    /// <exception cref="ArgumentException">A name occurs twice or is the format's own.</exception>
    public static void Write(string path, IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = Header(tensors, metadata);
        try
        {
            // No buffer in the stream: the header and the tensors are large pieces already.
            using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            file.Write(header);
            foreach (var tensor in tensors)
            {
                var start = file.Position;
                tensor.WriteTo(file);
                if (file.Position - start != tensor.ByteCount)
                {
                    throw new InvalidOperationException($"Tensor '{tensor.Name}' has {tensor.ByteCount} bytes, but {file.Position - start} were written.");
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Run, $"{path} cannot be written: {e.Message}", "Free disk space or choose another --out.", e);
        }
    }

    /// <summary>The eight bytes of length and the padded JSON.</summary>
    private static byte[] Header(IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach (var (key, value) in metadata)
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            WriteTensors(json, tensors);
            json.WriteEndObject();
        }

        var length = (buffer.WrittenCount + 7) / 8 * 8;
        if (length > SafetensorsHeader.MaxLength)
        {
            throw new ArgumentException($"A header of {length} bytes is longer than the format allows ({SafetensorsHeader.MaxLength}).", nameof(tensors));
        }

        var header = new byte[8 + length];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)length);
        buffer.WrittenSpan.CopyTo(header.AsSpan(8));
        header.AsSpan(8 + buffer.WrittenCount).Fill((byte)' ');
        return header;
    }

    private static void WriteTensors(Utf8JsonWriter json, IReadOnlyList<SafetensorsTensor> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsHeader.MetadataKey };
        var offset = 0L;
        foreach (var tensor in tensors)
        {
            if (!names.Add(tensor.Name))
            {
                throw new ArgumentException($"Two tensors are called '{tensor.Name}', or that name is the format's own.", nameof(tensors));
            }

            json.WriteStartObject(tensor.Name);
            json.WriteString("dtype", tensor.DType.ToString());
            json.WriteStartArray("shape");
            foreach (var size in tensor.Shape)
            {
                json.WriteNumberValue(size);
            }

            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(offset);
            json.WriteNumberValue(offset = checked(offset + tensor.ByteCount));
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }
}
