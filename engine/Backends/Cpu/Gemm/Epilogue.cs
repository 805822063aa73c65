namespace LDaeCore.Engine.Backends.Cpu.Gemm;

/// <summary>What follows a matrix product, done on a tile while it is still in the first-level cache.</summary>
internal static unsafe class Epilogue
{
    public static bool IsEmpty(in GemmCall call) =>
        call.Bias is null && call.Residual is null && call.PreActivation is null && call.GeluGradientOf is null;

    /// <summary>Finishes the tile of C whose first element is (row, column).</summary>
    public static void Apply(in GemmCall call, int row, int column, int rows, int columns)
    {
        for (var r = row; r < row + rows; r++)
        {
            var at = ((nint)r * call.N) + column;
            var residual = call.Residual is null ? null : call.Residual + ((nint)(r % call.ResidualRows) * call.N) + column;
            for (var i = 0; i < columns; i += Lanes.Count)
            {
                var left = columns - i;
                var v = Lanes.Load(call.C + at + i, left);
                if (call.Bias is not null)
                {
                    v += Lanes.Load(call.Bias + column + i, left);
                }

                if (call.PreActivation is not null)
                {
                    Lanes.Store(v, call.PreActivation + at + i, left);
                    v = VectorMath.Gelu(v);
                }

                if (call.GeluGradientOf is not null)
                {
                    v *= VectorMath.GeluDerivative(Lanes.Load(call.GeluGradientOf + at + i, left));
                }

                if (residual is not null)
                {
                    v += Lanes.Load(residual + i, left);
                }

                Lanes.Store(v, call.C + at + i, left);
            }
        }
    }
}
