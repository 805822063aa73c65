using System.Reflection;
using System.Reflection.Emit;

namespace LDaeCore.Tests.House;

/// <summary>
/// Which namespaces of an assembly refer to which, as compiled: by base types, members' types and everything that method bodies call. Constants, which the compiler copies,
/// are not seen.
/// </summary>
internal sealed class NamespaceGraph
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields().Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private readonly SortedDictionary<string, SortedDictionary<string, string>> _edges = new(StringComparer.Ordinal);

    /// <summary>Reads an assembly.</summary>
    public NamespaceGraph(Assembly assembly)
    {
        foreach (var type in assembly.GetTypes())
        {
            var used = new List<Type?> { type.BaseType };
            used.AddRange(type.GetInterfaces());
            used.AddRange(type.GetFields(All).Select(field => field.FieldType));
            foreach (var method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
            {
                used.AddRange(method.GetParameters().Select(parameter => parameter.ParameterType));
                used.Add((method as MethodInfo)?.ReturnType);
                used.AddRange(method.GetMethodBody()?.LocalVariables.Select(local => local.LocalType) ?? []);
                used.AddRange(Called(method).SelectMany(TypesOf));
            }

            foreach (var other in used.SelectMany(Parts).Where(other => other.Assembly == assembly))
            {
                Add(type, other);
            }
        }
    }

    /// <summary>The namespaces that a namespace refers to, each with an example.</summary>
    public IReadOnlyDictionary<string, string> From(string name) => _edges.TryGetValue(name, out var to) ? to : new SortedDictionary<string, string>();

    /// <summary>Every namespace from which references lead back to it, with the way.</summary>
    public IEnumerable<string> Cycles()
    {
        foreach (var start in _edges.Keys)
        {
            var (from, queue) = (new Dictionary<string, string>(), new Queue<string>([start]));
            while (queue.TryDequeue(out var at))
            {
                foreach (var next in From(at).Keys.Where(next => from.TryAdd(next, at)))
                {
                    queue.Enqueue(next);
                }
            }

            if (from.ContainsKey(start))
            {
                var way = new List<string>();
                var at = start;
                do
                {
                    way.Add($"{from[at]} -> {at} ({From(from[at])[at]})");
                    at = from[at];
                }
                while (at != start);
                yield return string.Join("; ", way.AsEnumerable().Reverse());
            }
        }
    }

    private static IEnumerable<Type> Parts(Type? type) => type is null ? []
        : type.HasElementType ? Parts(type.GetElementType())
        : type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition())
        : [type];

    private static IEnumerable<Type?> TypesOf(MemberInfo member) => member switch
    {
        Type type => [type],
        MethodInfo { IsGenericMethod: true } method => [method.DeclaringType, .. method.GetGenericArguments()],
        _ => [member.DeclaringType],
    };

    /// <summary>The members and types that a method's body names.</summary>
    private static IEnumerable<MemberInfo> Called(MethodBase method)
    {
        var body = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        var typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < body.Length;)
        {
            var code = Codes[body[at] == 0xFE ? (short)((body[at++] << 8) | body[at++]) : body[at++]];
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
            {
                yield return method.Module.ResolveMember(BitConverter.ToInt32(body, at), typeArguments, methodArguments)!;
            }

            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(body, at)),
                _ => 4,
            };
        }
    }

    private void Add(Type type, Type other)
    {
        if (type.Namespace is { } from && other.Namespace is { } to && from != to)
        {
            if (!_edges.TryGetValue(from, out var targets))
            {
                _edges.Add(from, targets = new(StringComparer.Ordinal));
            }

            targets.TryAdd(to, $"{Outermost(type)} uses {Outermost(other)}");
        }
    }

    private static string Outermost(Type type)
    {
        while (type.DeclaringType is { } outer)
        {
            type = outer;
        }

        return type.Name;
    }
}
