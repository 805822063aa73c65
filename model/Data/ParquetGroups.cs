namespace LDaeCore.Model.Data;

/// <summary>Unpacked row groups, those used last, within a budget. May be asked from several threads at once; each group is read by one.</summary>
/// <param name="budget">Bytes that may be held; the group asked for last is held in any case.</param>
/// <param name="load">Reads a group: its encoded images by row.</param>
internal sealed class ParquetGroups(long budget, Func<int, ReadOnlyMemory<byte>[]> load)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, Held> _groups = [];
    private long _uses;

    /// <summary>Bytes held now.</summary>
    public long HeldBytes
    {
        get
        {
            lock (_lock)
            {
                return _groups.Values.Sum(held => held.Bytes);
            }
        }
    }

    /// <summary>How often a group was read.</summary>
    public int Loads { get; private set; }

    /// <summary>The encoded images of a group.</summary>
    public ReadOnlyMemory<byte>[] Get(int group)
    {
        Held held;
        lock (_lock)
        {
            if (!_groups.TryGetValue(group, out held!))
            {
                Loads++;
                _groups[group] = held = new Held(new Lazy<ReadOnlyMemory<byte>[]>(() => load(group)));
            }

            held.LastUse = ++_uses;
        }

        // Outside the lock: others go on with groups that are there.
        var images = held.Images.Value;
        lock (_lock)
        {
            if (held.Bytes == 0)
            {
                held.Bytes = 1 + images.Sum(image => (long)image.Length);
                MakeRoom(group);
            }
        }

        return images;
    }

    private void MakeRoom(int but)
    {
        var total = _groups.Values.Sum(held => held.Bytes);
        foreach (var (group, held) in _groups.Where(pair => pair.Key != but && pair.Value.Bytes > 0).OrderBy(pair => pair.Value.LastUse).ToArray())
        {
            if (total <= budget)
            {
                return;
            }

            total -= held.Bytes;
            _groups.Remove(group);
        }
    }

    private sealed class Held(Lazy<ReadOnlyMemory<byte>[]> images)
    {
        public Lazy<ReadOnlyMemory<byte>[]> Images { get; } = images;

        public long LastUse { get; set; }

        public long Bytes { get; set; }
    }
}
