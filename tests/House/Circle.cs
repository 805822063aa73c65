// A cycle of namespaces that NamespaceGraph must find.
#pragma warning disable IDE0130

namespace LDaeCore.Tests.House.Circle.First
{
    internal static class One
    {
        public static int Count() => Second.Two.Count(() => 1);
    }
}

namespace LDaeCore.Tests.House.Circle.Second
{
    internal static class Two
    {
        public static int Count(Func<int> more) => more() > 0 ? more() : First.One.Count();
    }
}
