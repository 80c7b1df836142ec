"""Chat templates in the shapes of 2026's models, for words_test.py: calls in tags of their own, thoughts that the prompt opens or closes."""

from shapes import THOUGHT

# Qwen 3.5: calls as tags with a parameter each; thoughts since the last question; the prompt opens one.
QWEN35 = """{%- macro said_of(content) %}{%- if content is string %}{{- content }}{%- else %}{%- for p in content or [] %}{{- p.text }}{%- endfor %}{%- endif %}{%- endmacro %}
{%- if tools %}{{- '<|im_start|>system\\n<tools>' }}{%- for t in tools %}{{- '\\n' + t | tojson }}{%- endfor %}{{- '\\n</tools>' }}
{%- if messages[0].role == 'system' %}{{- '\\n\\n' + said_of(messages[0].content) | trim }}{%- endif %}{{- '<|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + said_of(messages[0].content) | trim + '<|im_end|>\\n' }}{%- endif %}
{%- set ns = namespace(last=messages | length - 1, found=false) %}
{%- for m in messages[::-1] %}{%- if not ns.found and m.role == 'user' %}{%- set ns.found = true %}{%- set ns.last = messages | length - 1 - loop.index0 %}{%- endif %}{%- endfor %}
{%- for m in messages %}
{%- if m.role == 'user' or (m.role == 'system' and not loop.first) %}{{- '<|im_start|>' + m.role + '\\n' + said_of(m.content) | trim + '<|im_end|>\\n' }}
{%- elif m.role == 'assistant' %}""" + THOUGHT + """
{%- set thought = thought | trim %}
{%- if loop.index0 > ns.last %}{{- '<|im_start|>assistant\\n<think>\\n' + thought + '\\n</think>\\n\\n' + said | trim }}
{%- else %}{{- '<|im_start|>assistant\\n' + said | trim }}{%- endif %}
{%- for c in m.tool_calls or [] %}
{{- ('\\n\\n' if said | trim and loop.first else '' if loop.first else '\\n') + '<tool_call>\\n<function=' + c.function.name + '>\\n' }}
{%- if c.function.arguments is mapping %}{%- for name, value in c.function.arguments | items %}{{- '<parameter=' + name + '>\\n' }}{{- value if value is string else value | tojson }}{{- '\\n</parameter>\\n' }}{%- endfor %}{%- endif %}
{{- '</function>\\n</tool_call>' }}{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif m.role == 'tool' %}
{%- if loop.previtem and loop.previtem.role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}{{- '\\n<tool_response>\\n' + said_of(m.content) | trim + '\\n</tool_response>' }}
{%- if loop.last or loop.nextitem.role != 'tool' %}{{- '<|im_end|>\\n' }}{%- endif %}
{%- endif %}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- else %}{{- '<think>\\n' }}{%- endif %}{%- endif %}"""

# GLM 4.7: a turn ends where the next role's token stands; calls as keys and values; an empty thought is a closing tag alone.
GLM47 = """[gMASK]<sop>
{%- if tools %}{{- '<|system|>\\n<tools>' }}{%- for t in tools %}{{- '\\n' + t | tojson(ensure_ascii=False) }}{%- endfor %}{{- '\\n</tools>' }}{%- endif %}
{%- set ns = namespace(last=-1) %}
{%- for m in messages %}{%- if m.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}
{%- for m in messages %}
{%- if m.role == 'user' %}{{- '<|user|>' }}{{ m.content if m.content is string else m.content | map(attribute='text') | join }}
{%- elif m.role == 'assistant' %}{{- '<|assistant|>' }}""" + THOUGHT + """
{%- if ((clear_thinking is defined and not clear_thinking) or loop.index0 > ns.last) and thought %}{{- '<think>' + thought.strip() + '</think>' }}{%- else %}{{- '</think>' }}{%- endif %}
{%- if said.strip() %}{{- said.strip() }}{%- endif %}
{%- for c in m.tool_calls or [] %}{%- set call = c.function or c %}{{- '<tool_call>' + call.name }}
{%- for k, v in call.arguments.items() %}{{- '<arg_key>' + k + '</arg_key><arg_value>' }}{{- v if v is string else v | tojson(ensure_ascii=False) }}{{- '</arg_value>' }}{%- endfor %}{{- '</tool_call>' }}{%- endfor %}
{%- elif m.role == 'tool' %}{%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|observation|>' }}{%- endif %}{{- '<tool_response>' + m.content + '</tool_response>' }}
{%- elif m.role == 'system' %}{{- '<|system|>' + m.content }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' + ('</think>' if enable_thinking is defined and not enable_thinking else '<think>') }}{%- endif %}"""

# DeepSeek 3.1: thoughts are cut, each answer is behind a closing tag; tools make the calls' turns of one another.
DEEPSEEK31 = """{%- set ns = namespace(system='', tool=false, last_user=false) %}
{%- for m in messages %}{%- if m.role == 'system' %}{%- set ns.system = ns.system + ('\\n\\n' if ns.system else '') + m.content %}{%- endif %}{%- endfor %}
{{- bos_token + ns.system }}
{%- for m in messages %}
{%- if m.role == 'user' %}{%- set ns.tool = false %}{%- set ns.last_user = true %}{{- '<|User|>' }}{{ m.content if m.content is string else m.content | map(attribute='text') | join }}
{%- elif m.role == 'assistant' %}
{%- if ns.last_user %}{{- '<|Assistant|></think>' }}{%- endif %}{%- set ns.last_user = false %}
{%- set said = m.content or '' %}{%- if '</think>' in said %}{%- set said = said.split('</think>', 1)[1] %}{%- endif %}{{- said }}
{%- if m.tool_calls %}{{- '<|tool_calls_begin|>' }}{%- for c in m.tool_calls %}{{- '<|tool_call_begin|>' + c.function.name + '<|tool_sep|>' + c.function.arguments | tojson + '<|tool_call_end|>' }}{%- endfor %}{{- '<|tool_calls_end|>' }}{%- endif %}
{{- '</s>' }}
{%- elif m.role == 'tool' %}{%- set ns.tool = true %}{{- '<|tool_output_begin|>' + m.content + '<|tool_output_end|>' }}
{%- endif %}{%- endfor %}
{%- if add_generation_prompt and ns.last_user %}{{- '<|Assistant|>' + ('<think>' if thinking else '</think>') }}{%- endif %}"""

# Llama 4: headers with a token on both sides; calls are the text, with a token behind that hands over.
LLAMA4 = """{{- bos_token }}
{%- for m in messages %}
{%- if m.role == 'tool' %}{{- '<|header_start|>ipython<|header_end|>\\n\\n' + m.content | tojson + '<|eot|>' }}
{%- elif m.tool_calls %}{{- '<|header_start|>assistant<|header_end|>\\n\\n' }}
{%- if m.content %}{{- m.content }}{%- endif %}
{%- for c in m.tool_calls %}{{- '{"name": "' + c.function.name + '", "parameters": ' + c.function.arguments | tojson + '}' }}{%- endfor %}{{- '<|eom|>' if builtin is defined else '<|eot|>' }}
{%- else %}{{- '<|header_start|>' + m.role + '<|header_end|>\\n\\n' }}
{%- if m.content is string %}{{- m.content | trim }}{%- else %}{%- for p in m.content or [] %}{{- p.text | trim }}{%- endfor %}{%- endif %}{{- '<|eot|>' }}{%- endif %}
{%- endfor %}{%- if add_generation_prompt %}{{- '<|header_start|>assistant<|header_end|>\\n\\n' }}{%- endif %}"""

# Gemma 4: a thought has a channel; the answer to a call goes on in the same turn, behind the result.
GEMMA4 = """{{- bos_token }}
{%- for m in messages %}
{%- set role = 'model' if m.role == 'assistant' else m.role %}
{%- if m.role == 'tool' %}{{- '<|tool_response>' + m.content | trim + '<tool_response|>' }}
{%- else %}
{%- if not (m.role == 'assistant' and loop.previtem and loop.previtem.role == 'tool') %}{{- '<|turn>' + role + '\\n' }}{%- endif %}
{%- if m.reasoning_content and m.role == 'assistant' and m.tool_calls %}{{- '<|channel>thought\\n' + m.reasoning_content + '\\n<channel|>' }}{%- endif %}
{%- if m.content is string %}{{- m.content | trim }}{%- elif m.content %}{%- for p in m.content %}{{- p.text | trim }}{%- endfor %}{%- endif %}
{%- for c in m.tool_calls or [] %}{{- '<|tool_call>call:' + c.function.name + c.function.arguments | tojson + '<tool_call|>' }}{%- endfor %}
{%- if not m.tool_calls %}{{- '<turn|>\\n' }}{%- endif %}
{%- endif %}{%- endfor %}
{%- if add_generation_prompt and not (messages and messages[-1].role == 'tool') %}{{- '<|turn>model\\n' }}{%- endif %}"""

# MiniMax M2: turns end in a token of brackets; the prompt opens a thought; only the last question's thoughts stay.
MINIMAX = """{%- set ns = namespace(last=-1) %}
{%- for m in messages %}{%- if m.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}
{{- ']~!b[]~b]system\\n' }}{{- messages[0].content if messages[0].role == 'system' else 'You help.' }}
{%- if tools %}{{- '\\n\\n<tools>\\n' }}{%- for t in tools %}{{- '<tool>' + t.function | tojson(ensure_ascii=False) + '</tool>\\n' }}{%- endfor %}{{- '</tools>' }}{%- endif %}{{- '[e~[\\n' }}
{%- for m in messages %}
{%- if m.role == 'assistant' %}{{- ']~b]ai\\n' }}""" + THOUGHT + """
{%- if thought and loop.index0 > ns.last %}{{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}{%- endif %}{{- said }}
{%- if m.tool_calls %}{{- '\\n<calls>\\n' }}{%- for c in m.tool_calls %}{{- '<invoke name="' + c.function.name + '">' }}{%- for k, v in c.function.arguments.items() %}{{- '<parameter name="' + k + '">' }}{{- v | tojson(ensure_ascii=False) if v is not string else v }}{{- '</parameter>' }}{%- endfor %}{{- '</invoke>\\n' }}{%- endfor %}{{- '</calls>' }}{%- endif %}{{- '[e~[\\n' }}
{%- elif m.role == 'tool' %}{%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- ']~b]tool' }}{%- endif %}{{- '\\n<response>' + m.content + '</response>' }}{%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '[e~[\\n' }}{%- endif %}
{%- elif m.role == 'user' %}{{- ']~b]user\\n' }}{{ m.content if m.content is string else m.content | map(attribute='text') | join }}{{- '[e~[\\n' }}{%- endif %}
{%- endfor %}{%- if add_generation_prompt %}{{- ']~b]ai\\n<think>\\n' }}{%- endif %}"""
