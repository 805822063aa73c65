namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// How attention on tensor cores is cut into warps and blocks, and what the blocks need of shared memory: a function of the head
/// size, the number of tokens and the GPU's shared memory a block. The kernels say what each number means.
/// </summary>
internal readonly record struct AttentionTiling
{
    // Rows of the tiles that a block walks over, bytes of a bf16 and of the two floats kept for a row of queries.
    private const int Tile = 64, Element = 2, RowStatistics = 8;
    private const int MostForwardWarps = 4, MostKeyWarps = 8, MostQueryWarps = 4, BackwardPlaces = 2;

    private readonly int _size, _tokens, _sharedLimit;

    /// <summary>Decides.</summary>
    /// <param name="size">Columns of a head; see <see cref="Takes"/>.</param>
    /// <param name="tokens">Tokens of an image.</param>
    /// <param name="sharedLimit">Bytes of shared memory that a block can have.</param>
    public AttentionTiling(int size, int tokens, int sharedLimit)
    {
        (_size, _tokens, _sharedLimit) = (size, tokens, sharedLimit);

        // Two tiles of 16 rows a warp halve the traffic from shared memory; past 64 columns their sums do not fit in the registers.
        RowTiles = KeyTiles = size <= 64 ? 2 : 1;
        Stages = size <= 80 ? 4 : 2;
        var resident = Keys(true);
        Resident = resident.Blocks == 1 && resident.SharedBytes <= sharedLimit;
    }

    /// <summary>Forward: tiles of 16 queries a warp.</summary>
    public int RowTiles { get; }

    /// <summary>Forward: places of the ring of key and value tiles.</summary>
    public int Stages { get; }

    /// <summary>Backward: tiles of 16 keys a warp.</summary>
    public int KeyTiles { get; }

    /// <summary>Backward: one block has all keys of a head and makes the gradient of the queries too.</summary>
    public bool Resident { get; }

    /// <summary>The launch of attention_forward.</summary>
    public Cut Forward
    {
        get
        {
            int rows = 16 * RowTiles, places = Math.Min(Tiles, Stages);
            var (warps, blocks) = Spread(rows, MostForwardWarps);
            return new Cut(warps, blocks, ((warps * rows) + (2 * places * Tile)) * _size * Element);
        }
    }

    /// <summary>The launch of attention_backward_keys.</summary>
    public Cut BackwardKeys => Keys(Resident);

    /// <summary>The launch of attention_backward_queries; not needed when <see cref="Resident"/>.</summary>
    public Cut BackwardQueries
    {
        get
        {
            var (warps, blocks) = Spread(16, MostQueryWarps);
            int rows = 16 * warps, places = Math.Min(Tiles, BackwardPlaces);
            return new Cut(warps, blocks, (2 * (rows + (places * Tile)) * _size * Element) + (rows * RowStatistics));
        }
    }

    private int Tiles => Over(_tokens, Tile);

    /// <summary>Whether the tensor-core kernels have this head size.</summary>
    /// <param name="size">Columns of a head.</param>
    public static bool Takes(int size) => size % 16 == 0 && size <= 128;

    private static int Over(int count, int unit) => (count + unit - 1) / unit;

    private Cut Keys(bool resident)
    {
        var most = MostKeyWarps;
        while (true)
        {
            var (warps, blocks) = Spread(16 * KeyTiles, most);
            var rows = warps * 16 * KeyTiles;
            var bytes = (2 * (rows + (BackwardPlaces * Tile)) * _size * Element) + (resident ? rows * Tile * Element : 0) + (Tiles * Tile * RowStatistics);
            if (resident || bytes <= _sharedLimit || most == 1)
            {
                return new Cut(warps, blocks, bytes);
            }

            most /= 2;
        }
    }

    /// <summary>As few blocks as the most warps allow, and all about equally full.</summary>
    private (int Warps, int Blocks) Spread(int rowsOfWarp, int mostWarps)
    {
        var units = Over(_tokens, rowsOfWarp);
        var warps = Over(units, Over(units, mostWarps));
        return (warps, Over(units, warps));
    }

    /// <summary>One launch.</summary>
    /// <param name="Warps">Warps of a block.</param>
    /// <param name="Blocks">Blocks of one head.</param>
    /// <param name="SharedBytes">Shared memory of a block.</param>
    internal readonly record struct Cut(int Warps, int Blocks, int SharedBytes)
    {
        /// <summary>Threads of a block.</summary>
        public int Threads => 32 * Warps;
    }
}
