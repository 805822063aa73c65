using System.Buffers.Binary;

namespace LDaeCore.Tests.Fuzzing;

/// <summary>Ways to break bytes: turned bits, numbers at the ends of their range, cuts, repetitions, foreign text, noise.</summary>
internal static class Mutation
{
    private static readonly ulong[] Numbers =
        [0, 1, 255, ushort.MaxValue, int.MaxValue, uint.MaxValue, 1UL << 60, long.MaxValue, 1UL << 63, ulong.MaxValue];

    private static readonly byte[][] Pieces =
    [
        .. ((string[])["{", "}", "[", "]", "\"", ",", ":", "=", ".", "null", "true", "-1", "-0", "1e999", "99999999999999999999", "0.5", "NaN", "\\ud800", "\\u0000"])
            .Concat(["//", "/*", " "]).Select(System.Text.Encoding.UTF8.GetBytes),
        [0xFF], [0xED, 0xA0, 0x80], [0xFF, 0xD9], [0xEF, 0xBB, 0xBF],
    ];

    /// <summary>One to eight changes of a seed input, rather few than many; now and then nothing but noise.</summary>
    public static byte[] Of(IReadOnlyList<byte[]> seeds, Random random)
    {
        if (random.Next(20) == 0)
        {
            return Noise(random, random.Next(200));
        }

        var bytes = seeds[random.Next(seeds.Count)];
        for (var change = 1 + random.Next(1 + random.Next(8)); change > 0; change--)
        {
            bytes = Once(bytes, seeds, random);
        }

        return bytes;
    }

    private static byte[] Once(byte[] bytes, IReadOnlyList<byte[]> seeds, Random random)
    {
        var (from, length) = Range(bytes.Length, random);
        byte[] head = bytes[..from], tail = bytes[(from + length)..];
        switch (random.Next(9))
        {
            case 0:
                return [.. head, .. tail];
            case 1:
                return head;
            case 2:
                return [.. bytes[..(from + length)], .. bytes[from..]];
            case 3:
                return [.. head, .. Pieces[random.Next(Pieces.Length)], .. bytes[from..]];
            case 4:
                return [.. head, .. Noise(random, length), .. tail];
            case 5:
                var other = seeds[random.Next(seeds.Count)];
                var (otherFrom, otherLength) = Range(other.Length, random);
                return [.. head, .. other.AsSpan(otherFrom, otherLength), .. tail];
            case 6:
                return Number(bytes, from, random);
            default:
                var changed = (byte[])bytes.Clone();
                if (changed.Length > 0)
                {
                    changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
                }

                return changed;
        }
    }

    /// <summary>A number of two, four or eight bytes over what stands there; half of the time where headers keep theirs.</summary>
    private static byte[] Number(byte[] bytes, int from, Random random)
    {
        var at = random.Next(2) == 0 ? 0 : from;
        Span<byte> number = stackalloc byte[8];
        var value = Numbers[random.Next(Numbers.Length)];
        if (random.Next(2) == 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(number, value);
        }

        number = number[..(2 << random.Next(3))];
        var changed = (byte[])bytes.Clone();
        number[..Math.Min(number.Length, changed.Length - at)].CopyTo(changed.AsSpan(at));
        return changed;
    }

    private static (int From, int Length) Range(int whole, Random random)
    {
        var from = random.Next(whole + 1);
        return (from, Math.Min(whole - from, random.Next(2) == 0 ? random.Next(9) : random.Next(whole + 1)));
    }

    private static byte[] Noise(Random random, int length)
    {
        var noise = new byte[length];
        random.NextBytes(noise);
        return noise;
    }
}
